"""What routes depend on: the authenticated user, the service key, and the count of sign-in attempts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

import orjson

from monynha.core.actor import Actor, ActorKind
from monynha.core.errors import AppError, UnauthenticatedError
from monynha.core.serialization import parse_uuid
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.errors import (
    BadJwtError,
    InvalidUserIdError,
    LimitedTokenError,
    MissingBearerTokenError,
    NotAdminError,
)
from monynha.domains.auth.factors.errors import AalTooLowToUpdateError
from monynha.domains.auth.factors.factor_session import FactorSession
from monynha.domains.auth.http.device_cookie import known_tokens
from monynha.domains.auth.http.responses import with_headers
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response


@dataclass(frozen=True, slots=True)
class SignedInUser:
    """The user of a request, and their session where the token names one."""

    account: Account
    session_id: UUID | None
    claims: str = "{}"
    """The claims of the token, as JSON."""

    @property
    def claims_aal2(self) -> bool:
        """Whether the token claims the assurance level aal2; its session may have less by now."""
        return bool(orjson.loads(self.claims).get("aal") == "aal2")


async def require_user(auth: AuthServices, request: Request, *, accepts_limited: bool = False) -> SignedInUser:
    """Return the user of a request; raise an AuthError unless the account exists and the session is live.

    Raise LimitedTokenError for an API token or another limited one, which may do nothing with the account itself;
    `accepts_limited` is for what they may read of it.
    """
    actor = _authenticate(auth, request)
    if actor.limits is not None and not accepts_limited:
        raise LimitedTokenError()
    if actor.id is None:
        raise BadJwtError("invalid claim: missing sub claim")
    if actor.is_foreign:
        await _create_foreign_account(auth, actor)
    account = await auth.sessions.require_live(actor.id, actor.session_id)
    return SignedInUser(account, actor.session_id, actor.claims)


async def _create_foreign_account(auth: AuthServices, actor: Actor) -> None:
    """Have PostgreSQL create the account of a foreign issuer's token, if it has none yet."""
    with suppress(UnauthenticatedError):
        await auth.database.as_actor(actor).require_live_session()


async def require_own_aal2(auth: AuthServices, user: SignedInUser, message: str | None = None) -> None:
    """Raise AalTooLowToUpdateError where the account has a second factor that this session has not shown."""
    if not user.account.has_second_factor:
        return
    if user.session_id is not None:
        session = FactorSession(user.account.id, user.session_id, user.claims_aal2)
        if await auth.second_factors.factors.is_aal2(session):
            return
    raise AalTooLowToUpdateError(message)


def require_service_key(auth: AuthServices, request: Request) -> Actor:
    """Return the holder of the service key; raise NotAdminError unless the request carries it."""
    actor = _authenticate(auth, request)
    if actor.kind is not ActorKind.SERVICE:
        raise NotAdminError()
    return actor


def parse_user_id(request: Request) -> UUID:
    """Return the user id in the path; InvalidUserIdError if it is malformed."""
    user_id = parse_uuid(request.path_params["id"])
    if user_id is None:
        raise InvalidUserIdError()
    return user_id


async def count_sign_in_attempt(
    auth: AuthServices, request: Request, account: str | None, handle: Callable[[], Awaitable[Response]]
) -> Response:
    """Count the request by account and client IP, then handle it; the response has the rate limit headers.

    From a device that is known to the account it is counted by that alone. Raise RateLimitedError (429) over a limit.
    """
    device_id = auth.devices.find(known_tokens(request), account) if account else None
    rate_limit_headers = await auth.rate_limits.count_sign_in(request.client_ip, account, device_id=device_id)
    try:
        return with_headers(await handle(), rate_limit_headers)
    except AppError as error:
        error.headers = (*error.headers, *rate_limit_headers)
        raise


def is_known_device(auth: AuthServices, request: Request, account: str) -> bool:
    """Whether somebody signed in to the account on the device before, and its attempts are counted by that."""
    return auth.rate_limits.counts_devices and auth.devices.find(known_tokens(request), account) is not None


def _authenticate(auth: AuthServices, request: Request) -> Actor:
    header = request.header(b"authorization")
    if header is None or not header.lower().startswith("bearer "):
        raise MissingBearerTokenError()
    try:
        return auth.authenticate(request)
    except UnauthenticatedError:
        raise BadJwtError() from None
