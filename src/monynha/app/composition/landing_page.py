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
    sign_up_state = (
        "Sign-up is open, and accounts are confirmed at once."
        if settings.autoconfirm
        else "Sign-up is open; an account is usable once its email address is confirmed."
    )
    anchors = "".join(f'<a href="{escape(href)}">{escape(label)}</a>' for label, href in _links(settings).items())
    page = PageTemplate("index.html", cache_control="no-cache")
    response = page.respond(html=anchors, state=sign_up_state, url=settings.site_url, version=__version__)

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
