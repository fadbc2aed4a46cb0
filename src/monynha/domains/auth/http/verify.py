"""Routes of verification: requesting an email or a text message, and returning with its link or code."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.errors import AuthError, InvalidAuthRequestError, OtpExpiredError
from monynha.domains.auth.http.dependencies import count_sign_in_attempt, is_known_device
from monynha.domains.auth.http.device_cookie import with_device_cookie
from monynha.domains.auth.http.redirects import redirect_response
from monynha.domains.auth.http.request_body import (
    RequestBody,
    client_info,
    read_body,
    requested_locale,
    requested_redirect,
)
from monynha.domains.auth.http.responses import auth_response
from monynha.domains.auth.http.serializers import tokens_json
from monynha.domains.auth.http.token import session_response
from monynha.domains.auth.phone.phone_number import phone_digits
from monynha.domains.auth.services.email_change import EmailChangeHalfConfirmed
from monynha.domains.auth.services.phone_accounts import PHONE_TOKEN_KINDS_BY_TYPE
from monynha.domains.auth.services.sessions import IssuedSession
from monynha.domains.auth.services.verification import (
    TOKEN_KINDS_BY_TYPE,
    AuthorizationCode,
    TokenEmailRequest,
    VerificationResult,
)
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Route

_HALF_CONFIRMED_MESSAGE = "Confirmation link accepted. Please proceed to confirm link sent to the other email"
_CHANNELS = ("sms", "whatsapp")
_RESEND_TYPES = ("signup", "email_change", *PHONE_TOKEN_KINDS_BY_TYPE)


@dataclass(frozen=True)
class VerifyRoutes:
    """Routes that mail one-time tokens and verify them."""

    auth: AuthServices

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        return (
            *(
                Route("POST", path, partial(self._send_email, path))
                for path in ("/recover", "/otp", "/magiclink", "/resend")
            ),
            Route("POST", "/verify", self._verify),
            Route("GET", "/verify", self._verify_link),
        )

    async def _send_email(self, path: str, request: Request) -> Response:
        body = await read_body(request)
        account = body.account()
        return await count_sign_in_attempt(
            self.auth, request, account, partial(self._complete_send_email, path, request, body)
        )

    async def _complete_send_email(self, path: str, request: Request, body: RequestBody) -> Response:
        type = body.text("type") or ""
        if path == "/resend" and type not in _RESEND_TYPES:
            raise InvalidAuthRequestError(f"Missing one of these types: {', '.join(_RESEND_TYPES)}")
        is_resent_by_phone = path == "/resend" and type in PHONE_TOKEN_KINDS_BY_TYPE
        if is_resent_by_phone or (path == "/otp" and body.text("phone")):
            return await self._send_text_message(request, body, type)
        email_request = TokenEmailRequest(
            body.required_text("email"),
            challenge=body.pkce_challenge(),
            redirect_to=requested_redirect(request, body),
            locale=requested_locale(request),
            creates_account=path != "/recover" and body.boolean("create_user") is not False,
            metadata=body.json_object("data") or {},
        )
        await self.auth.rate_limits.count_email(email_request.email)
        if path == "/recover":
            await self.auth.verification.send_recovery(email_request)
        elif path == "/resend":
            await self.auth.verification.resend(email_request, type)
        else:
            await self.auth.verification.send_magic_link(email_request)
        return auth_response({})

    async def _send_text_message(self, request: Request, body: RequestBody, type: str) -> Response:
        """Send a code of the type, or one that signs in, by text message."""
        phone_accounts = self.auth.phone_accounts
        if body.text("email"):
            raise InvalidAuthRequestError("Only an email address or phone number should be provided")
        if (body.text("channel") or "sms") not in _CHANNELS:
            raise InvalidAuthRequestError(f"Invalid channel, supported values are {' or '.join(_CHANNELS)}")
        metadata = body.json_object("data") or {}
        creates_account = body.boolean("create_user") is not False
        phone = phone_accounts.require_phone(body.required_text("phone"))
        if not type:
            phone_accounts.messages.require_reachable(phone)
        await self.auth.rate_limits.count_sms(request.client_ip, phone)
        if type:
            await phone_accounts.resend(phone, type)
        else:
            await phone_accounts.send_code(phone, metadata, creates_account=creates_account)
        return auth_response({})

    async def _verify(self, request: Request) -> Response:
        body = await read_body(request)
        account = body.account()
        return await count_sign_in_attempt(self.auth, request, account, partial(self._complete_verify, request, body))

    async def _complete_verify(self, request: Request, body: RequestBody) -> Response:
        type, link_token = body.required_text("type"), body.text("token_hash")
        client, verification = client_info(request), self.auth.verification
        if type in PHONE_TOKEN_KINDS_BY_TYPE and not link_token:
            if body.text("email"):
                raise InvalidAuthRequestError("Only an email address or phone number should be provided on verify")
            phone, code = body.required_text("phone"), body.required_text("token")
            is_known = is_known_device(self.auth, request, phone_digits(phone))
            issued = await self.auth.phone_accounts.verify_code(phone, code, type, client, is_known_device=is_known)
            return with_device_cookie(self.auth, request, session_response(self.auth, issued), issued.account)
        if type not in TOKEN_KINDS_BY_TYPE:
            raise InvalidAuthRequestError("Invalid verification type")
        if link_token:
            if body.text("email") or body.text("phone") or body.text("token"):
                raise InvalidAuthRequestError("Only the token_hash and type should be provided")
            result = await verification.verify_token_hash(link_token, type, client)
        else:
            code = body.required_text("token")
            email = body.required_text("email")
            is_known = is_known_device(self.auth, request, email)
            result = await verification.verify_code(email, code, type, client, is_known_device=is_known)
        if isinstance(result, EmailChangeHalfConfirmed):
            return auth_response({"msg": _HALF_CONFIRMED_MESSAGE, "code": "200"})
        return with_device_cookie(self.auth, request, session_response(self.auth, result), result.account)

    async def _verify_link(self, request: Request) -> Response:
        if request.method == "HEAD":
            # Email programs preview links this way, and would consume the token before its owner does.
            return Response(200)
        return await count_sign_in_attempt(self.auth, request, None, partial(self._complete_verify_link, request))

    async def _complete_verify_link(self, request: Request) -> Response:
        redirect_to = self.auth.mailer.redirects.resolve(requested_redirect(request))
        query_params = request.query_params
        link_token, type = query_params.get("token", ""), query_params.get("type", "")
        try:
            result = await self.auth.verification.follow_link(link_token, type, client_info(request))
        except AuthError as error:
            return _redirect_with_error(redirect_to, link_token, error)
        response = self._redirect_with_result(redirect_to, link_token, type, result)
        if isinstance(result, IssuedSession):
            return with_device_cookie(self.auth, request, response, result.account)
        return response

    def _redirect_with_result(
        self, redirect_to: str, link_token: str, type: str, result: VerificationResult
    ) -> Response:
        if isinstance(result, AuthorizationCode):
            return redirect_response(redirect_to, query={"code": result.code})
        if isinstance(result, EmailChangeHalfConfirmed):
            message = {"message": _HALF_CONFIRMED_MESSAGE}
            query = message if link_token.startswith("pkce_") else {}
            return redirect_response(redirect_to, query=query, fragment={**message, "sb": ""})
        tokens = tokens_json(result, self.auth.clock().timestamp())
        fragment = {name: str(value) for name, value in tokens.items()}
        return redirect_response(redirect_to, fragment={**fragment, "sb": "", "type": type})


def _redirect_with_error(redirect_to: str, link_token: str, error: AuthError) -> Response:
    is_expired = isinstance(error, OtpExpiredError)
    message = "Email link is invalid or has expired" if is_expired else error.message
    error_params = {"error": "access_denied", "error_code": error.code, "error_description": message}
    # PKCE clients read the query, the others the fragment.
    query = error_params if link_token.startswith("pkce_") else {}
    return redirect_response(redirect_to, query=query, fragment={**error_params, "sb": ""})
