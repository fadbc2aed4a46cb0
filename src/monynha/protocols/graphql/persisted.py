"""Persisted queries: a document is sent once, and its hash from then on (Apollo's APQ, version 1)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

import hiredis

from monynha.core.errors import BadRequest
from monynha.infra.valkey import Valkey, ValkeyAway
from monynha.protocols.graphql.errors import PersistedQueryNotFound, Refused
from monynha.protocols.graphql.limits import MOST_CHARACTERS

_KEPT_S = 86_400
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Persisted:
    """Documents by their hash, shared by all replicas; lost ones are sent again."""

    valkey: Valkey | None

    async def text(self, text: str | None, digest: str | None) -> str:
        """Return the document that is meant; Refused where its hash is not known (any more)."""
        if text is not None:
            if digest is not None and hashlib.sha256(text.encode()).hexdigest() != digest:
                raise BadRequest(
                    "The hash is not of this query.", details={"sha256Hash": "is of another query"}
                )
            return text
        assert digest is not None
        known = await self._ask("GET", _key(digest))
        if known is None:
            raise Refused.for_fault(PersistedQueryNotFound())
        found: str = known.decode()
        return found

    async def keep(self, text: str, digest: str) -> None:
        """Keep a document that was answered."""
        if len(text) <= MOST_CHARACTERS:
            await self._ask("SET", _key(digest), text, "EX", _KEPT_S)

    async def _ask(self, *words: str | int) -> Any:
        if self.valkey is None:
            return None
        try:
            return await self.valkey.ask(*words)
        except (ValkeyAway, hiredis.HiredisError):
            # As if it were lost: the client sends the whole document then.
            return None


def digest_in(extensions: dict[str, Any]) -> str | None:
    """Return the hash that a request's extensions name, or None (BadRequest for a wrong one)."""
    told = extensions.get("persistedQuery")
    if told is None:
        return None
    digest = told.get("sha256Hash") if isinstance(told, dict) and told.get("version") == 1 else None
    if not isinstance(digest, str) or not _HASH.fullmatch(digest):
        problem = "must be {version: 1, sha256Hash: 64 hexadecimal digits}"
        raise BadRequest(f"The persisted query {problem}.", details={"persistedQuery": problem})
    return digest


def _key(digest: str) -> str:
    return f"graphql:{digest}"
