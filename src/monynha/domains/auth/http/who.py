"""Who asks at /auth/v1: somebody signed in, or the holder of the service key."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from monynha.core.actor import Actor, ActorKind
from monynha.core.errors import Unauthenticated
from monynha.domains.auth.account import Account
from monynha.domains.auth.auth import Auth
from monynha.domains.auth.faults import (
    BadJwt,
    Banned,
    NoAuthorization,
    NotAdmin,
    SessionNotFound,
    UserFromTokenNotFound,
)
from monynha.protocols.http.request import Request


@dataclass(frozen=True, slots=True)
class Asker:
    """Somebody who is signed in."""

    account: Account
    session_id: UUID | None


async def signed_in(auth: Auth, request: Request) -> Asker:
    """Return who asks; their account must be there and their session live."""
    actor = _actor(auth, request)
    if actor.id is None:
        raise BadJwt("invalid claim: missing sub claim")
    async with auth.parts.transaction() as transaction:
        account, is_live = await auth.parts.rows.by_session(transaction, actor.id, actor.session_id)
    if account is None:
        raise UserFromTokenNotFound()
    if account.is_banned(auth.parts.now()):
        raise Banned()
    if not is_live:
        raise SessionNotFound()
    return Asker(account, actor.session_id)


def check_admin(auth: Auth, request: Request) -> None:
    """Let nobody pass but the holder of the service key."""
    if _actor(auth, request).kind is not ActorKind.SERVICE:
        raise NotAdmin()


def _actor(auth: Auth, request: Request) -> Actor:
    header = request.header(b"authorization")
    if header is None or not header.lower().startswith("bearer "):
        raise NoAuthorization()
    try:
        return auth.identify(request)
    except Unauthenticated:
        raise BadJwt() from None
