"""Routes by which people come in and go out: sign-up, the grants, sign-out."""

from __future__ import annotations

from functools import partial

from monynha.domains.auth.auth import Auth
from monynha.domains.auth.faults import InvalidCredentials, ValidationFailed
from monynha.domains.auth.http.answers import answer
from monynha.domains.auth.http.body import Body, client_of, read_body, redirect_of
from monynha.domains.auth.http.counted import counted
from monynha.domains.auth.http.not_enabled import (
    AnonymousDisabled,
    PhoneDisabledAtSignIn,
    PhoneDisabledAtSignUp,
    ProviderDisabled,
)
from monynha.domains.auth.http.who import signed_in
from monynha.domains.auth.proofs import redeem
from monynha.domains.auth.sessions import Scope, SignedIn
from monynha.domains.auth.shown import session, user
from monynha.domains.auth.sign_in import sign_in
from monynha.domains.auth.sign_up import SignUp, sign_up
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Route


def routes(auth: Auth) -> tuple[Route, ...]:
    """Return the routes of coming in and going out."""
    return (
        Route("POST", "/signup", partial(_sign_up, auth)),
        Route("POST", "/token", partial(_token, auth)),
        Route("POST", "/logout", partial(_logout, auth)),
    )


def held(auth: Auth, signed: SignedIn) -> Response:
    """Answer with a session."""
    return answer(session(signed, auth.parts.now().timestamp()))


async def _sign_up(auth: Auth, request: Request) -> Response:
    body = await read_body(request)
    email, phone, password = body.text("email"), body.text("phone"), body.text("password")
    return await counted(
        auth,
        request,
        email or phone,
        partial(_signed_up, auth, request, body, has_password=password is not None),
    )


async def _signed_up(auth: Auth, request: Request, body: Body, *, has_password: bool) -> Response:
    email, phone = body.text("email"), body.text("phone")
    if email and phone:
        raise ValidationFailed("Only an email address or phone number should be provided on signup.")
    if phone:
        raise PhoneDisabledAtSignUp()
    if not email:
        if has_password:
            raise ValidationFailed("To sign up with a password, give an email address too")
        raise AnonymousDisabled()
    wanted = SignUp(
        email,
        body.text("password") or "",
        metadata=body.object("data") or {},
        challenge=body.challenge(),
        redirect_to=redirect_of(request, body),
    )
    if not has_password:
        raise ValidationFailed("Signup requires a valid password")
    if not auth.parts.autoconfirm:
        await auth.brakes.mail(email)
    account = await sign_up(auth.parts, wanted)
    if not auth.parts.autoconfirm:
        return answer(user(account))
    async with auth.parts.transaction() as transaction:
        signed = await auth.parts.sessions.open(transaction, account, client_of(request), method="password")
    return held(auth, signed)


async def _token(auth: Auth, request: Request) -> Response:
    body = await read_body(request)
    match request.query.get("grant_type"):
        case "password":
            email = body.text("email")
            account = email or body.text("phone")
            return await counted(auth, request, account, partial(_by_password, auth, request, body))
        case "refresh_token":
            return await _by_refresh_token(auth, request, body)
        case "pkce":
            code, verifier = body.text("auth_code"), body.text("code_verifier")
            if not code or not verifier:
                raise ValidationFailed(
                    "invalid request: both auth code and code verifier should be non-empty"
                )
            return held(auth, await redeem(auth.parts, code, verifier, client_of(request)))
        case "id_token" | "web3":
            raise ProviderDisabled()
        case _:
            raise InvalidCredentials("unsupported_grant_type")


async def _by_password(auth: Auth, request: Request, body: Body) -> Response:
    if body.text("phone"):
        if body.text("email"):
            raise ValidationFailed("Only an email address or phone number should be provided on login.")
        raise PhoneDisabledAtSignIn()
    email, password = body.text("email"), body.text("password")
    if not email:
        raise ValidationFailed("missing email or phone")
    return held(auth, await sign_in(auth.parts, email, password or "", client_of(request)))


async def _by_refresh_token(auth: Auth, request: Request, body: Body) -> Response:
    token = body.text("refresh_token")
    if not token:
        # Told as RFC 6749 §5.2 does, whatever layout was asked for.
        return answer({"error": "invalid_request", "error_description": "refresh_token required"}, status=400)
    return held(auth, await auth.parts.sessions.refresh(token, client_of(request)))


async def _logout(auth: Auth, request: Request) -> Response:
    asker = await signed_in(auth, request)
    told = request.query.get("scope") or Scope.GLOBAL.value
    if told not in set(Scope):
        raise ValidationFailed(f"Unsupported logout scope {told[:50]!r}")
    async with auth.parts.transaction() as transaction:
        await auth.parts.sessions.end(transaction, asker.account.id, asker.session_id, Scope(told))
    return Response(204)
