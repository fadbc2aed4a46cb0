"""The actor: on whose behalf a statement runs, with the claims that row-level security reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID


class ActorKind(StrEnum):
    """What sort of caller an actor is; the values are the `role` claim of access tokens."""

    ANONYMOUS = "anon"
    USER = "authenticated"
    SERVICE = "service_role"
    SYSTEM = "system"


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
    is_anonymous: bool = field(init=False)
    """Whether the caller presented no credentials. Stored, because every request reads it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_anonymous", self.kind is ActorKind.ANONYMOUS)


ANONYMOUS = Actor(ActorKind.ANONYMOUS, claims='{"role":"anon"}')


def system_actor(name: str) -> Actor:
    """Return a named part of the program as an actor, for example `system_actor("sign-in")`."""
    return Actor(ActorKind.SYSTEM, name=name)
