"""The page at `/`: what this is, whether one can sign up, and where to go."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from importlib.resources import files
from string import Template

from monynha import __version__
from monynha.core.settings.settings import Settings
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Headers, Response
from monynha.protocols.http.router import Route, RouteGroup


def landing_page(settings: Settings, links: dict[str, str]) -> RouteGroup:
    """Return the area of the page, which links to the given addresses by their words."""
    page = files("monynha").joinpath("web", "index.html").read_text()
    sign_up_state = (
        "Sign-up is open, and an account counts at once."
        if settings.autoconfirm
        else "Sign-up is open; an account counts once its mail address is confirmed."
    )
    anchors = "".join(f'<a href="{escape(href)}">{escape(label)}</a>' for label, href in links.items())
    body = Template(page).substitute(
        state=sign_up_state, url=escape(settings.site_url), links=anchors, version=__version__
    )
    response = Response(200, body.encode(), _headers(page))

    async def show(request: Request) -> Response:
        return response

    return RouteGroup("", (Route("GET", "/", show),))


def _headers(page: str) -> Headers:
    style = page[page.index("<style>") + len("<style>") : page.index("</style>")]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return (
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-security-policy", policy.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"cache-control", b"no-cache"),
    )
