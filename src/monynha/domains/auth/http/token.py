"""Routes that create and end sessions: sign-up, the grants of /token, sign-out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.errors import InvalidAuthRequestError, InvalidCredentialsError
from monynha.domains.auth.http.dependencies import count_sign_in_attempt, require_user
from monynha.domains.auth.http.device_cookie import with_device_cookie
from monynha.domains.auth.http.id_token_grant import sign_in_with_id_token
from monynha.domains.auth.http.request_body import (
    RequestBody,
    client_info,
    read_body,
    requested_locale,
    requested_redirect,
)
from monynha.domains.auth.http.responses import auth_response, with_headers
from monynha.domains.auth.http.serializers import session_json, user_json
from monynha.domains.auth.http.unsupported import Web3DisabledError
from monynha.domains.auth.phone.errors import PhoneSignInDisabledError
from monynha.domains.auth.phone.phone_number import normalize_phone
from monynha.domains.auth.services.phone_accounts import PhoneSignUpRequest
from monynha.domains.auth.services.sessions import IssuedSession, SignOutScope
from monynha.domains.auth.services.sign_up import SignUpRequest
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Route


@dataclass(frozen=True)
class TokenRoutes:
    """Routes of signing up, in and out."""

    auth: AuthServices

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        return (
            Route("POST", "/signup", self._sign_up),
            Route("POST", "/token", self._token),
            Route("POST", "/logout", self._logout),
        )

    async def _sign_up(self, request: Request) -> Response:
        body = await read_body(request)
        self.auth.sign_up.require_enabled()
        email, phone = body.text("email"), body.text("phone")
        # A password that is no text is refused before the attempt is counted, as an email is.
        body.text("password")
        if not email and not phone:
            if body.values.get("password") is not None:
                raise InvalidAuthRequestError("To sign up with a password, provide an email address or phone number")
            return await self._sign_in_anonymously(request, body)
        if email and phone:
            raise InvalidAuthRequestError("Only an email address or phone number should be provided on signup.")
        return await count_sign_in_attempt(
            self.auth, request, body.account(), partial(self._complete_sign_up, request, body)
        )

    async def _sign_in_anonymously(self, request: Request, body: RequestBody) -> Response:
        self.auth.anonymous_users.require_enabled()
        metadata = body.json_object("data") or {}
        rate_limit_headers = await self.auth.rate_limits.count_anonymous(request.client_ip)
        issued = await self.auth.anonymous_users.sign_in(metadata, client_info(request))
        return with_headers(self._session(issued), rate_limit_headers)

    async def _sign_up_by_phone(self, request: Request, body: RequestBody) -> Response:
        auth = self.auth
        phone, password = body.required_text("phone"), body.text("password")
        if password is None:
            raise InvalidAuthRequestError("Signup requires a valid password")
        sign_up_request = PhoneSignUpRequest(phone, password, metadata=body.json_object("data") or {})
        is_confirmed = auth.phone_accounts.autoconfirm
        if auth.phone_accounts.is_enabled and not is_confirmed:
            await auth.rate_limits.count_sms(request.client_ip, normalize_phone(phone))
        account = await auth.phone_accounts.sign_up(sign_up_request)
        if not is_confirmed:
            return auth_response(user_json(account))
        return self._new_session(request, await auth.sessions.create(account, client_info(request), method="password"))

    async def _complete_sign_up(self, request: Request, body: RequestBody) -> Response:
        auth = self.auth
        if body.text("phone"):
            return await self._sign_up_by_phone(request, body)
        sign_up_request = _sign_up_request(request, body)
        if not auth.autoconfirm:
            await auth.rate_limits.count_email(sign_up_request.email)
        account = await auth.sign_up.sign_up(sign_up_request)
        if not auth.autoconfirm:
            return auth_response(user_json(account))
        return self._new_session(request, await auth.sessions.create(account, client_info(request), method="password"))

    async def _token(self, request: Request) -> Response:
        body = await read_body(request)
        match request.query_params.get("grant_type"):
            case "password":
                account = body.account()
                return await count_sign_in_attempt(
                    self.auth, request, account, partial(self._sign_in_with_password, request, body)
                )
            case "refresh_token":
                return await self._refresh(request, body)
            case "pkce":
                return await self._exchange_code(request, body)
            case "id_token":
                return await count_sign_in_attempt(
                    self.auth, request, None, partial(sign_in_with_id_token, self.auth, request, body)
                )
            case "web3":
                raise Web3DisabledError()
            case _:
                raise InvalidCredentialsError("unsupported_grant_type")

    async def _sign_in_with_password(self, request: Request, body: RequestBody) -> Response:
        email, password = body.text("email"), body.text("password")
        if phone := body.text("phone"):
            if email:
                raise InvalidAuthRequestError("Only an email address or phone number should be provided on login.")
            if not self.auth.phone_accounts.is_enabled:
                raise PhoneSignInDisabledError()
            client = client_info(request)
            issued = await self.auth.sign_in.sign_in_with_phone(phone, password or "", client)
            return self._new_session(request, issued)
        if not email:
            raise InvalidAuthRequestError("missing email or phone")
        issued = await self.auth.sign_in.sign_in(email, password or "", client_info(request))
        return self._new_session(request, issued)

    async def _refresh(self, request: Request, body: RequestBody) -> Response:
        refresh_token = body.text("refresh_token")
        if not refresh_token:
            # RFC 6749 §5.2 fixes this error, whichever error format the client requests.
            error = {"error": "invalid_request", "error_description": "refresh_token required"}
            return auth_response(error, status=400)
        return self._session(await self.auth.sessions.refresh(refresh_token, client_info(request)))

    async def _exchange_code(self, request: Request, body: RequestBody) -> Response:
        code, verifier = body.text("auth_code"), body.text("code_verifier")
        if not code or not verifier:
            raise InvalidAuthRequestError("invalid request: both auth code and code verifier should be non-empty")
        return self._session(await self.auth.verification.exchange_code(code, verifier, client_info(request)))

    async def _logout(self, request: Request) -> Response:
        user = await require_user(self.auth, request)
        scope = request.query_params.get("scope") or SignOutScope.GLOBAL.value
        if scope not in set(SignOutScope):
            raise InvalidAuthRequestError(f"Unsupported logout scope {scope[:50]!r}")
        await self.auth.sessions.sign_out(user.account.id, user.session_id, SignOutScope(scope))
        return Response(204)

    def _new_session(self, request: Request, issued: IssuedSession) -> Response:
        return with_device_cookie(self.auth, request, self._session(issued), issued.account)

    def _session(self, issued: IssuedSession) -> Response:
        return session_response(self.auth, issued)


def session_response(auth: AuthServices, issued: IssuedSession) -> Response:
    """Return the response that carries a new session."""
    return auth_response(session_json(issued, auth.clock().timestamp()))


def _sign_up_request(request: Request, body: RequestBody) -> SignUpRequest:
    password = body.text("password")
    sign_up_request = SignUpRequest(
        body.required_text("email"),
        password or "",
        metadata=body.json_object("data") or {},
        challenge=body.pkce_challenge(),
        redirect_to=requested_redirect(request, body),
        locale=requested_locale(request),
    )
    if password is None:
        raise InvalidAuthRequestError("Signup requires a valid password")
    return sign_up_request
