"""The page at `/`: what the program is, whether sign-up is open, and links to its parts."""

from __future__ import annotations

from html import escape

from monynha import __version__
from monynha.app.composition.page_template import PageTemplate
from monynha.core.settings.settings import Settings
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Route, RouteGroup


def landing_page(settings: Settings) -> RouteGroup:
    """Return the route of the page; it is rendered once."""
    anchors = "".join(f'<a href="{escape(href)}">{escape(label)}</a>' for label, href in _links(settings).items())
    page = PageTemplate("index.html", cache_control="no-cache")
    response = page.respond(html=anchors, state=_sign_up_state(settings), url=settings.site_url, version=__version__)

    async def show(request: Request) -> Response:
        return response

    return RouteGroup("", (Route("GET", "/", show),))


def _sign_up_state(settings: Settings) -> str:
    """Return a sentence about who may sign up, and when an account is usable."""
    if settings.signup == "off":
        return "Sign-up is closed; admins create accounts."
    who = "Sign-up is by invitation" if settings.signup == "invited" else "Sign-up is open"
    if settings.autoconfirm:
        return f"{who}, and accounts are confirmed at once."
    return f"{who}; an account is usable once its email address is confirmed."


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
