"""Routes by which people come in and go out: sign-up, the grants, sign-out."""

from __future__ import annotations

from functools import partial

from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.errors import InvalidAuthRequestError, InvalidCredentialsError
from monynha.domains.auth.http.dependencies import require_user
from monynha.domains.auth.http.rate_limit import count_sign_in_attempt
from monynha.domains.auth.http.request_body import RequestBody, client_info, read_body, requested_redirect
from monynha.domains.auth.http.responses import auth_response
from monynha.domains.auth.http.serializers import session_json, user_json
from monynha.domains.auth.http.unsupported import (
    AnonymousSignInDisabledError,
    PhoneSignInDisabledError,
    PhoneSignUpDisabledError,
    ProviderDisabledError,
)
from monynha.domains.auth.services.sessions import IssuedSession, SignOutScope
from monynha.domains.auth.services.sign_in import sign_in
from monynha.domains.auth.services.sign_up import SignUpRequest, sign_up
from monynha.domains.auth.services.verification import exchange_code
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Route


def routes(auth: AuthServices) -> tuple[Route, ...]:
    """Return the routes of coming in and going out."""
    return (
        Route("POST", "/signup", partial(_sign_up, auth)),
        Route("POST", "/token", partial(_token, auth)),
        Route("POST", "/logout", partial(_logout, auth)),
    )


def session_response(auth: AuthServices, issued: IssuedSession) -> Response:
    """Answer with a session."""
    return auth_response(session_json(issued, auth.parts.now().timestamp()))


async def _sign_up(auth: AuthServices, request: Request) -> Response:
    body = await read_body(request)
    email, phone, password = body.text("email"), body.text("phone"), body.text("password")
    return await count_sign_in_attempt(
        auth,
        request,
        email or phone,
        partial(_complete_sign_up, auth, request, body, has_password=password is not None),
    )


async def _complete_sign_up(auth: AuthServices, request: Request, body: RequestBody, *, has_password: bool) -> Response:
    email, phone = body.text("email"), body.text("phone")
    if email and phone:
        raise InvalidAuthRequestError("Only an email address or phone number should be provided on signup.")
    if phone:
        raise PhoneSignUpDisabledError()
    if not email:
        if has_password:
            raise InvalidAuthRequestError("To sign up with a password, give an email address too")
        raise AnonymousSignInDisabledError()
    sign_up_request = SignUpRequest(
        email,
        body.text("password") or "",
        metadata=body.object("data") or {},
        challenge=body.pkce_challenge(),
        redirect_to=requested_redirect(request, body),
    )
    if not has_password:
        raise InvalidAuthRequestError("Signup requires a valid password")
    if not auth.parts.autoconfirm:
        await auth.rate_limits.count_email(email)
    account = await sign_up(auth.parts, sign_up_request)
    if not auth.parts.autoconfirm:
        return auth_response(user_json(account))
    async with auth.parts.transaction() as transaction:
        issued = await auth.parts.sessions.create(transaction, account, client_info(request), method="password")
    return session_response(auth, issued)


async def _token(auth: AuthServices, request: Request) -> Response:
    body = await read_body(request)
    match request.query_params.get("grant_type"):
        case "password":
            email = body.text("email")
            account = email or body.text("phone")
            return await count_sign_in_attempt(
                auth, request, account, partial(_sign_in_with_password, auth, request, body)
            )
        case "refresh_token":
            return await _refresh(auth, request, body)
        case "pkce":
            code, verifier = body.text("auth_code"), body.text("code_verifier")
            if not code or not verifier:
                raise InvalidAuthRequestError("invalid request: both auth code and code verifier should be non-empty")
            return session_response(auth, await exchange_code(auth.parts, code, verifier, client_info(request)))
        case "id_token" | "web3":
            raise ProviderDisabledError()
        case _:
            raise InvalidCredentialsError("unsupported_grant_type")


async def _sign_in_with_password(auth: AuthServices, request: Request, body: RequestBody) -> Response:
    if body.text("phone"):
        if body.text("email"):
            raise InvalidAuthRequestError("Only an email address or phone number should be provided on login.")
        raise PhoneSignInDisabledError()
    email, password = body.text("email"), body.text("password")
    if not email:
        raise InvalidAuthRequestError("missing email or phone")
    return session_response(auth, await sign_in(auth.parts, email, password or "", client_info(request)))


async def _refresh(auth: AuthServices, request: Request, body: RequestBody) -> Response:
    token = body.text("refresh_token")
    if not token:
        # Told as RFC 6749 §5.2 does, whatever layout was asked for.
        return auth_response({"error": "invalid_request", "error_description": "refresh_token required"}, status=400)
    return session_response(auth, await auth.parts.sessions.refresh(token, client_info(request)))


async def _logout(auth: AuthServices, request: Request) -> Response:
    user = await require_user(auth, request)
    scope = request.query_params.get("scope") or SignOutScope.GLOBAL.value
    if scope not in set(SignOutScope):
        raise InvalidAuthRequestError(f"Unsupported logout scope {scope[:50]!r}")
    async with auth.parts.transaction() as transaction:
        await auth.parts.sessions.end(transaction, user.account.id, user.session_id, SignOutScope(scope))
    return Response(204)
