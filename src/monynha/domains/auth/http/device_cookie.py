"""The cookie with the device tokens of a browser that somebody signed in with."""

from __future__ import annotations

from dataclasses import replace

from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.tokens.device_tokens import LIFETIME
from monynha.protocols.http.cookies import CookieKind
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response

COOKIE_NAME = "monynha_device"
_MAX_LENGTH = 500


def known_tokens(request: Request) -> str:
    """Return the device tokens that a request carries; empty without any."""
    values = CookieKind(COOKIE_NAME, "/", is_secure=False).read_all(request)
    return next((value for value in values if len(value) <= _MAX_LENGTH and value.isascii()), "")


def with_device_cookie(auth: AuthServices, request: Request, response: Response, account: Account) -> Response:
    """Return the response of a sign-in, which also tells a new device that it is known from now on."""
    name, tokens = account.email or account.phone, known_tokens(request)
    if name is None or auth.devices.find(tokens, name) is not None:
        return response
    kind = CookieKind(COOKIE_NAME, "/", auth.mailer.links.site_url.startswith("https:"), same_site="Lax")
    cookie = kind.write(auth.devices.add(tokens, name), int(LIFETIME.total_seconds()))
    return replace(response, headers=(*response.headers, cookie))
