"""Persisted queries: a document is sent once, and named by its hash from then on (Apollo's APQ, version 1)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import hiredis

from monynha.core.errors import BadRequestError
from monynha.infra.valkey import ValkeyClient, ValkeyUnavailableError
from monynha.protocols.graphql.errors import PersistedQueryNotFoundError, RequestError
from monynha.protocols.graphql.limits import MAX_CHARACTERS

_TTL_S = 86_400


@dataclass(frozen=True)
class PersistedQueries:
    """Documents by their SHA-256, shared by all replicas in Valkey; a client sends a lost one again."""

    valkey: ValkeyClient | None

    async def resolve(self, query: str | None, sha256_hash: str) -> str:
        """Return the document of a hash (BadRequestError for another document's hash).

        Raises RequestError if only the hash was sent and it is unknown, or forgotten.
        """
        if query is not None:
            if hashlib.sha256(query.encode()).hexdigest() != sha256_hash:
                raise BadRequestError(
                    "sha256Hash is not the hash of this query.", details={"sha256Hash": "is of another query"}
                )
            return query
        stored = await self._execute_command("GET", _key(sha256_hash))
        if not isinstance(stored, bytes):
            raise RequestError.from_error(PersistedQueryNotFoundError())
        return stored.decode()

    async def store(self, query: str, sha256_hash: str) -> None:
        """Store a document for a day."""
        if len(query) <= MAX_CHARACTERS:
            await self._execute_command("SET", _key(sha256_hash), query, "EX", _TTL_S)

    async def _execute_command(self, *command: str | int) -> object:
        if self.valkey is None:
            return None
        try:
            reply: object = await self.valkey.execute(*command)
        except (ValkeyUnavailableError, hiredis.HiredisError):
            # As if it were not stored: the client then sends the whole document.
            return None
        return reply


def _key(sha256_hash: str) -> str:
    return f"graphql:{sha256_hash}"
