"""The page at `/`: what the program is, whether sign-up is open, and links to its parts."""

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


def landing_page(settings: Settings) -> RouteGroup:
    """Return the route of the page; it is rendered once."""
    page = files("monynha").joinpath("web", "index.html").read_text()
    sign_up_state = (
        "Sign-up is open, and accounts are confirmed at once."
        if settings.autoconfirm
        else "Sign-up is open; an account is usable once its email address is confirmed."
    )
    anchors = "".join(f'<a href="{escape(href)}">{escape(label)}</a>' for label, href in _links(settings).items())
    body = Template(page).substitute(
        state=sign_up_state, url=escape(settings.site_url), links=anchors, version=__version__
    )
    response = Response(200, body.encode(), _headers(page))

    async def show(request: Request) -> Response:
        return response

    return RouteGroup("", (Route("GET", "/", show),))


def _links(settings: Settings) -> dict[str, str]:
    """Return the path of each link by its label."""
    links: dict[str, str] = {}
    if "api" in settings.services:
        links |= {"Try the API": "/docs", "OpenAPI document": "/openapi.json"}
        if not settings.is_production:
            links["Try GraphQL"] = "/graphql"
    if not settings.is_production:
        links["Mail"] = "/dev/mail"
    return {**links, "Liveness": "/healthz", "Readiness": "/readyz"}


def _headers(page: str) -> Headers:
    style = page[page.index("<style>") + len("<style>") : page.index("</style>")]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return (
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-security-policy", policy.encode()),
        (b"referrer-policy", b"no-referrer"),
        (b"cache-control", b"no-cache"),
    )
