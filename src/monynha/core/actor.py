"""Who asks: every statement is asked by an actor, and carries their claims."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class ActorKind(StrEnum):
    """What sort of asker an actor is."""

    ANONYMOUS = "anon"
    USER = "authenticated"
    SERVICE = "service_role"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """An asker: nobody, a signed-in user, a holder of the service key, or a named part of the program.

    `claims` is the JSON text of the verified access token; PostgreSQL sees it as `request.jwt.claims`.
    """

    kind: ActorKind
    id: UUID | None = None
    session_id: UUID | None = None
    claims: str = "{}"
    name: str = ""
    is_admin: bool = False
    """What the token says of it; the account's row decides."""

    expires_at: float | None = None
    """When the access token expires, in seconds of the Unix epoch."""

    @property
    def is_anonymous(self) -> bool:
        """Whether no one known is asking."""
        return self.kind is ActorKind.ANONYMOUS


ANONYMOUS = Actor(ActorKind.ANONYMOUS, claims='{"role":"anon"}')


def system_actor(name: str) -> Actor:
    """Return the named part of the program as an actor, as `system("sign-in")`."""
    return Actor(ActorKind.SYSTEM, name=name)
