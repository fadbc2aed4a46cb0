"""Persisted queries: a document is sent once, and its hash from then on (Apollo's APQ, version 1)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

import hiredis

from monynha.core.errors import BadRequestError
from monynha.infra.valkey import ValkeyClient, ValkeyUnavailableError
from monynha.protocols.graphql.errors import PersistedQueryNotFoundError, RequestError
from monynha.protocols.graphql.limits import MAX_CHARACTERS

_TTL_S = 86_400
_SHA256_PATTERN = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class PersistedQueries:
    """Documents by their hash, shared by all replicas; lost ones are sent again."""

    valkey: ValkeyClient | None

    async def resolve(self, query: str | None, sha256_hash: str | None) -> str:
        """Return the document that is meant; Refused where its hash is not known (any more)."""
        if query is not None:
            if sha256_hash is not None and hashlib.sha256(query.encode()).hexdigest() != sha256_hash:
                raise BadRequestError("The hash is not of this query.", details={"sha256Hash": "is of another query"})
            return query
        assert sha256_hash is not None
        stored = await self._execute_command("GET", _key(sha256_hash))
        if stored is None:
            raise RequestError.from_error(PersistedQueryNotFoundError())
        stored_query: str = stored.decode()
        return stored_query

    async def store(self, query: str, sha256_hash: str) -> None:
        """Keep a document that was answered."""
        if len(query) <= MAX_CHARACTERS:
            await self._execute_command("SET", _key(sha256_hash), query, "EX", _TTL_S)

    async def _execute_command(self, *words: str | int) -> Any:
        if self.valkey is None:
            return None
        try:
            return await self.valkey.execute(*words)
        except (ValkeyUnavailableError, hiredis.HiredisError):
            # As if it were lost: the client sends the whole document then.
            return None


def parse_query_hash(extensions: dict[str, Any]) -> str | None:
    """Return the hash that a request's extensions name, or None (BadRequest for a wrong one)."""
    persisted_query = extensions.get("persistedQuery")
    if persisted_query is None:
        return None
    sha256_hash = (
        persisted_query.get("sha256Hash")
        if isinstance(persisted_query, dict) and persisted_query.get("version") == 1
        else None
    )
    if not isinstance(sha256_hash, str) or not _SHA256_PATTERN.fullmatch(sha256_hash):
        problem = "must be {version: 1, sha256Hash: 64 hexadecimal digits}"
        raise BadRequestError(f"The persisted query {problem}.", details={"persistedQuery": problem})
    return sha256_hash


def _key(digest: str) -> str:
    return f"graphql:{digest}"
