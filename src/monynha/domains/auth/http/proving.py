"""Routes of proving an address: asking for a mail, and coming back with its link or code."""

from __future__ import annotations

from functools import partial
from urllib.parse import urlencode, urlsplit, urlunsplit

from monynha.domains.auth.auth import Auth
from monynha.domains.auth.email_change import HalfDone
from monynha.domains.auth.faults import AuthFault, OtpExpired, ValidationFailed
from monynha.domains.auth.http.answers import answer
from monynha.domains.auth.http.body import Body, client_of, read_body, redirect_of
from monynha.domains.auth.http.counted import counted
from monynha.domains.auth.http.entering import held
from monynha.domains.auth.http.not_enabled import PhoneDisabledAtSignIn
from monynha.domains.auth.proofs import (
    KINDS,
    Ask,
    Authorized,
    Proven,
    ask_again,
    ask_magic_link,
    ask_recovery,
    prove_code,
    prove_link,
)
from monynha.domains.auth.shown import tokens
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, headers
from monynha.protocols.http.router import Handler, Route

_HALF_DONE = "Confirmation link accepted. Please proceed to confirm link sent to the other email"
_PHONE_TYPES = ("sms", "phone_change")


def routes(auth: Auth) -> tuple[Route, ...]:
    """Return the routes of proving an address."""
    return (
        _asking("/recover", auth),
        _asking("/otp", auth),
        _asking("/magiclink", auth),
        _asking("/resend", auth),
        Route("POST", "/verify", partial(_verify, auth)),
        Route("GET", "/verify", partial(_follow, auth)),
    )


def _asking(path: str, auth: Auth) -> Route:
    handler: Handler = partial(_ask, auth, path)
    return Route("POST", path, handler)


async def _ask(auth: Auth, path: str, request: Request) -> Response:
    body = await read_body(request)
    account = body.text("email") or body.text("phone")
    return await counted(auth, request, account, partial(_asked, auth, path, request, body))


async def _asked(auth: Auth, path: str, request: Request, body: Body) -> Response:
    type = body.text("type") or ""
    if body.text("phone") or (path == "/resend" and type in _PHONE_TYPES):
        raise PhoneDisabledAtSignIn()
    ask = Ask(
        body.needed("email"),
        challenge=body.challenge(),
        redirect_to=redirect_of(request, body),
        create=path != "/recover" and body.flag("create_user") is not False,
        metadata=body.object("data") or {},
    )
    await auth.brakes.mail(ask.email)
    if path == "/recover":
        await ask_recovery(auth.parts, ask)
    elif path == "/resend":
        await ask_again(auth.parts, ask, type)
    else:
        await ask_magic_link(auth.parts, ask)
    return answer({})


async def _verify(auth: Auth, request: Request) -> Response:
    body = await read_body(request)
    account = body.text("email") or body.text("phone")
    return await counted(auth, request, account, partial(_verified, auth, request, body))


async def _verified(auth: Auth, request: Request, body: Body) -> Response:
    type, link = body.needed("type"), body.text("token_hash")
    if type in _PHONE_TYPES or body.text("phone"):
        raise PhoneDisabledAtSignIn()
    if type not in KINDS:
        raise ValidationFailed("Invalid verification type")
    if link:
        if body.text("email") or body.text("token"):
            raise ValidationFailed("Only the token_hash and type should be provided")
        proven = await prove_link(auth.parts, link, type, client_of(request))
    else:
        code = body.needed("token")
        email = body.needed("email")
        proven = await prove_code(auth.parts, email, code, type, client=client_of(request))
    if isinstance(proven, HalfDone):
        return answer({"msg": _HALF_DONE, "code": "200"})
    assert not isinstance(proven, Authorized), "only a followed link goes on by a code"
    return held(auth, proven)


async def _follow(auth: Auth, request: Request) -> Response:
    if request.method == "HEAD":
        # Mail programs look ahead this way, and would use the link up before its owner does.
        return Response(200)
    query = request.query
    return await counted(auth, request, None, partial(_followed, auth, request, query))


async def _followed(auth: Auth, request: Request, query: dict[str, str]) -> Response:
    site = auth.parts.redirects.checked(redirect_of(request))
    link, type = query.get("token", ""), query.get("type", "")
    try:
        proven = await prove_link(auth.parts, link, type, client_of(request), challenged=True)
    except AuthFault as fault:
        return _sent_back(site, link, fault)
    return _sent_on(auth, site, type, proven)


def _sent_on(auth: Auth, site: str, type: str, proven: Proven) -> Response:
    if isinstance(proven, Authorized):
        return _redirect(site, query={"code": proven.code})
    if isinstance(proven, HalfDone):
        return _redirect(site, fragment={"message": _HALF_DONE, "sb": ""})
    told = {key: str(value) for key, value in tokens(proven, auth.parts.now().timestamp()).items()}
    return _redirect(site, fragment={**told, "sb": "", "type": type})


def _sent_back(site: str, link: str, fault: AuthFault) -> Response:
    message = "Email link is invalid or has expired" if isinstance(fault, OtpExpired) else fault.message
    told = {"error": "access_denied", "error_code": fault.code, "error_description": message}
    return _redirect(site, query=told if link.startswith("pkce_") else {}, fragment={**told, "sb": ""})


def _redirect(
    site: str, *, query: dict[str, str] | None = None, fragment: dict[str, str] | None = None
) -> Response:
    parts = urlsplit(site)
    asked = "&".join(each for each in (parts.query, urlencode(query or {})) if each)
    location = urlunsplit((parts.scheme, parts.netloc, parts.path or "/", asked, urlencode(fragment or {})))
    return Response(303, b"", headers(("Location", location), ("Cache-Control", "no-store")))
