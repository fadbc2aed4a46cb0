"""Routes of proving an address: asking for a mail, and coming back with its link or code."""

from __future__ import annotations

from functools import partial
from urllib.parse import urlencode, urlsplit, urlunsplit

from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.errors import AuthError, InvalidAuthRequestError, OtpExpiredError
from monynha.domains.auth.http.rate_limit import count_sign_in_attempt
from monynha.domains.auth.http.request_body import RequestBody, client_info, read_body, requested_redirect
from monynha.domains.auth.http.responses import auth_response
from monynha.domains.auth.http.serializers import tokens_json
from monynha.domains.auth.http.token import session_response
from monynha.domains.auth.http.unsupported import PhoneSignInDisabledError
from monynha.domains.auth.services.email_change import EmailChangeHalfConfirmed
from monynha.domains.auth.services.verification import (
    TOKEN_KINDS_BY_TYPE,
    AuthorizationCode,
    TokenEmailRequest,
    VerificationResult,
    resend,
    send_magic_link,
    send_recovery,
    verify_code,
    verify_link,
)
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, encode_headers
from monynha.protocols.http.router import Handler, Route

_HALF_CONFIRMED_MESSAGE = "Confirmation link accepted. Please proceed to confirm link sent to the other email"
_PHONE_TYPES = ("sms", "phone_change")


def routes(auth: AuthServices) -> tuple[Route, ...]:
    """Return the routes of proving an address."""
    return (
        _email_route("/recover", auth),
        _email_route("/otp", auth),
        _email_route("/magiclink", auth),
        _email_route("/resend", auth),
        Route("POST", "/verify", partial(_verify, auth)),
        Route("GET", "/verify", partial(_verify_link, auth)),
    )


def _email_route(path: str, auth: AuthServices) -> Route:
    handler: Handler = partial(_send_email, auth, path)
    return Route("POST", path, handler)


async def _send_email(auth: AuthServices, path: str, request: Request) -> Response:
    body = await read_body(request)
    account = body.text("email") or body.text("phone")
    return await count_sign_in_attempt(auth, request, account, partial(_complete_send_email, auth, path, request, body))


async def _complete_send_email(auth: AuthServices, path: str, request: Request, body: RequestBody) -> Response:
    type = body.text("type") or ""
    if body.text("phone") or (path == "/resend" and type in _PHONE_TYPES):
        raise PhoneSignInDisabledError()
    email_request = TokenEmailRequest(
        body.required_text("email"),
        challenge=body.pkce_challenge(),
        redirect_to=requested_redirect(request, body),
        creates_account=path != "/recover" and body.boolean("create_user") is not False,
        metadata=body.object("data") or {},
    )
    await auth.rate_limits.count_email(email_request.email)
    if path == "/recover":
        await send_recovery(auth.parts, email_request)
    elif path == "/resend":
        await resend(auth.parts, email_request, type)
    else:
        await send_magic_link(auth.parts, email_request)
    return auth_response({})


async def _verify(auth: AuthServices, request: Request) -> Response:
    body = await read_body(request)
    account = body.text("email") or body.text("phone")
    return await count_sign_in_attempt(auth, request, account, partial(_complete_verify, auth, request, body))


async def _complete_verify(auth: AuthServices, request: Request, body: RequestBody) -> Response:
    type, link_token = body.required_text("type"), body.text("token_hash")
    if type in _PHONE_TYPES or body.text("phone"):
        raise PhoneSignInDisabledError()
    if type not in TOKEN_KINDS_BY_TYPE:
        raise InvalidAuthRequestError("Invalid verification type")
    if link_token:
        if body.text("email") or body.text("token"):
            raise InvalidAuthRequestError("Only the token_hash and type should be provided")
        result = await verify_link(auth.parts, link_token, type, client_info(request))
    else:
        code = body.required_text("token")
        email = body.required_text("email")
        result = await verify_code(auth.parts, email, code, type, client=client_info(request))
    if isinstance(result, EmailChangeHalfConfirmed):
        return auth_response({"msg": _HALF_CONFIRMED_MESSAGE, "code": "200"})
    assert not isinstance(result, AuthorizationCode), "only a followed link goes on by a code"
    return session_response(auth, result)


async def _verify_link(auth: AuthServices, request: Request) -> Response:
    if request.method == "HEAD":
        # Mail programs look ahead this way, and would use the link up before its owner does.
        return Response(200)
    query = request.query_params
    return await count_sign_in_attempt(auth, request, None, partial(_complete_verify_link, auth, request, query))


async def _complete_verify_link(auth: AuthServices, request: Request, query: dict[str, str]) -> Response:
    redirect_to = auth.parts.redirects.resolve(requested_redirect(request))
    link_token, type = query.get("token", ""), query.get("type", "")
    try:
        result = await verify_link(auth.parts, link_token, type, client_info(request), allows_pkce=True)
    except AuthError as error:
        return _redirect_with_error(redirect_to, link_token, error)
    return _redirect_with_result(auth, redirect_to, type, result)


def _redirect_with_result(auth: AuthServices, redirect_to: str, type: str, result: VerificationResult) -> Response:
    if isinstance(result, AuthorizationCode):
        return _redirect(redirect_to, query={"code": result.code})
    if isinstance(result, EmailChangeHalfConfirmed):
        return _redirect(redirect_to, fragment={"message": _HALF_CONFIRMED_MESSAGE, "sb": ""})
    fragment = {key: str(value) for key, value in tokens_json(result, auth.parts.now().timestamp()).items()}
    return _redirect(redirect_to, fragment={**fragment, "sb": "", "type": type})


def _redirect_with_error(redirect_to: str, link_token: str, error: AuthError) -> Response:
    message = "Email link is invalid or has expired" if isinstance(error, OtpExpiredError) else error.message
    error_params = {"error": "access_denied", "error_code": error.code, "error_description": message}
    return _redirect(
        redirect_to,
        query=error_params if link_token.startswith("pkce_") else {},
        fragment={**error_params, "sb": ""},
    )


def _redirect(url: str, *, query: dict[str, str] | None = None, fragment: dict[str, str] | None = None) -> Response:
    url_parts = urlsplit(url)
    query_text = "&".join(each for each in (url_parts.query, urlencode(query or {})) if each)
    location = urlunsplit(
        (url_parts.scheme, url_parts.netloc, url_parts.path or "/", query_text, urlencode(fragment or {}))
    )
    return Response(303, b"", encode_headers(("Location", location), ("Cache-Control", "no-store")))
