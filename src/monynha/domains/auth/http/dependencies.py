"""Who asks at /auth/v1: somebody signed in, or the holder of the service key."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from monynha.core.actor import Actor, ActorKind
from monynha.core.errors import UnauthenticatedError
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.errors import (
    BadJwtError,
    MissingBearerTokenError,
    NotAdminError,
    TokenSessionNotFoundError,
    TokenUserNotFoundError,
    UserBannedError,
)
from monynha.protocols.http.request import Request


@dataclass(frozen=True, slots=True)
class SignedInUser:
    """Somebody who is signed in."""

    account: Account
    session_id: UUID | None


async def require_user(auth: AuthServices, request: Request) -> SignedInUser:
    """Return who asks; their account must be there and their session live."""
    actor = _authenticate(auth, request)
    if actor.id is None:
        raise BadJwtError("invalid claim: missing sub claim")
    async with auth.parts.transaction() as transaction:
        account, is_live = await auth.parts.repository.find_by_session(transaction, actor.id, actor.session_id)
    if account is None:
        raise TokenUserNotFoundError()
    if account.is_banned(auth.parts.now()):
        raise UserBannedError()
    if not is_live:
        raise TokenSessionNotFoundError()
    return SignedInUser(account, actor.session_id)


def require_service_key(auth: AuthServices, request: Request) -> None:
    """Let nobody pass but the holder of the service key."""
    if _authenticate(auth, request).kind is not ActorKind.SERVICE:
        raise NotAdminError()


def _authenticate(auth: AuthServices, request: Request) -> Actor:
    header = request.header(b"authorization")
    if header is None or not header.lower().startswith("bearer "):
        raise MissingBearerTokenError()
    try:
        return auth.authenticate(request)
    except UnauthenticatedError:
        raise BadJwtError() from None
