"""The actor: on whose behalf a statement runs, with the claims that row-level security reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

import orjson

from monynha.core.errors import ForbiddenError


class ActorKind(StrEnum):
    """What sort of caller an actor is; the values are the `role` claim of access tokens."""

    ANONYMOUS = "anon"
    USER = "authenticated"
    SERVICE = "service_role"
    SYSTEM = "system"


TOKEN_SCOPES = ("read", "write", "admin")
"""Each includes those before it; `admin` is all that the owner of the token may do."""
_LIMITED_CLAIMS_START = '{"scopes"'
_LIMITING_CLAIMS = frozenset({"scopes", "project_ids", "token_id"})


@dataclass(frozen=True, slots=True)
class TokenLimits:
    """The scopes of a token, `read`, `write` or `admin`, and whether it reaches some of its owner's resources only."""

    scopes: frozenset[str]
    is_resource_limited: bool = False
    is_api_token: bool = False
    """Whether it is an API token, whose row is in place of a session."""

    @classmethod
    def from_claims(cls, claims: Mapping[str, object]) -> TokenLimits:
        """Return the limits that verified claims state; without `scopes` all that its owner may do."""
        scopes = claims.get("scopes")
        return cls(
            frozenset(TOKEN_SCOPES) if not isinstance(scopes, list) else frozenset(map(str, scopes)),
            is_resource_limited=claims.get("project_ids") is not None,
            is_api_token="token_id" in claims,
        )

    @property
    def can_write(self) -> bool:
        """Whether the token allows changes."""
        return not self.scopes.isdisjoint(("write", "admin"))


@dataclass(frozen=True, slots=True)
class Actor:
    """A caller: anonymous, a signed-in user, a holder of the service key, or a named part of the program.

    `claims` is the JSON text of the verified access token; PostgreSQL sees it as `request.jwt.claims`.
    """

    kind: ActorKind
    id: UUID | None = None
    session_id: UUID | None = None
    claims: str = "{}"
    name: str = ""
    is_admin: bool = False
    """What the token claims; the account's row decides."""
    expires_at: float | None = None
    """When the access token expires (`exp`, Unix seconds); None if there is no token or it never does."""
    limits: TokenLimits | None = None
    """What the token is limited to; None if it allows all that its owner may do. PostgreSQL enforces it."""
    is_foreign: bool = False
    """Whether another issuer has signed the token, so that the account may not exist before its first use."""
    is_anonymous: bool = field(init=False)
    """Whether the caller presented no credentials. Stored, because every request reads it."""

    @property
    def can_write(self) -> bool:
        """Whether the token allows changes: for what no row is written for, as a broadcast."""
        return self.limits is None or self.limits.can_write

    @property
    def limiting_claims(self) -> dict[str, object]:
        """The claims that limit the token: what must go along where only its owner and session are noted."""
        if self.limits is None:
            return {}
        return {name: value for name, value in orjson.loads(self.claims).items() if name in _LIMITING_CLAIMS}

    def require_write_scope(self) -> None:
        """Raise ForbiddenError if the token does not allow changes."""
        if not self.can_write:
            raise ForbiddenError.for_scopes()

    @property
    def is_resource_limited(self) -> bool:
        """Whether the token reaches some resources only, and nothing that belongs to its owner alone."""
        return self.limits is not None and self.limits.is_resource_limited

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_anonymous", self.kind is ActorKind.ANONYMOUS)
        if self.limits is not None and not self.claims.startswith(_LIMITED_CLAIMS_START):
            raise ValueError("the claims of a limited token begin with its scopes")


def encode_claims(claims: Mapping[str, object]) -> str:
    """Return claims as JSON for `auth.set_actor`: those of a limited token begin with `scopes`.

    By that it tells them from all others without parsing them. Projects without scopes are limited to them with all
    that the owner may do.
    """
    if "scopes" not in claims and "project_ids" not in claims:
        return orjson.dumps(claims).decode()
    scopes = claims.get("scopes", TOKEN_SCOPES)
    return orjson.dumps({"scopes": scopes, **{name: claims[name] for name in claims if name != "scopes"}}).decode()


ANONYMOUS = Actor(ActorKind.ANONYMOUS, claims='{"role":"anon"}')


def system_actor(name: str) -> Actor:
    """Return a named part of the program as an actor, for example `system_actor("sign-in")`."""
    return Actor(ActorKind.SYSTEM, name=name)
