"""Client grants: what an OAuth client may do in the sessions that it has, and the claims that say so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

_API_SCOPES = ("read", "write", "admin")


@dataclass(frozen=True, slots=True)
class ClientGrant:
    """The client and the scopes of a session, as they are stored with it."""

    client_id: UUID
    scopes: tuple[str, ...]

    @property
    def claims(self) -> Mapping[str, object]:
        """The claims of its access tokens, beside or instead of those that every token has.

        `scopes` is always there, though it may be empty: a token without it may do everything. What tells who
        the person is is left out unless the client may know it, since it can read its own tokens.
        """
        claims: dict[str, object] = {
            "client_id": str(self.client_id),
            "scopes": [scope for scope in self.scopes if scope in _API_SCOPES],
        }
        if "email" not in self.scopes:
            claims |= {"email": "", "phone": ""}
        if "profile" not in self.scopes:
            claims["user_metadata"] = {}
        return claims


@dataclass(frozen=True, slots=True)
class ClientRefresh:
    """Which client refreshes its tokens, and the scopes of the new access token; None for all that were granted."""

    client_id: UUID
    scopes: tuple[str, ...] | None = None
