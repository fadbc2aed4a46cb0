"""GraphiQL, the page to try queries on; its scripts and styles are vendored, so it loads nothing from elsewhere."""

from __future__ import annotations

from importlib.resources import files

from monynha.core.errors import NotFoundError
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Route

_CONTENT_TYPES = {"js": b"text/javascript; charset=utf-8", "css": b"text/css; charset=utf-8"}
# CodeMirror styles its lines inline, and the fonts are in the style sheet.
_CONTENT_SECURITY_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src data:; img-src data:;"
    b" connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ASSETS_DIR = files("monynha").joinpath("web", "graphiql")


def page_response() -> Response:
    """Return the HTML page."""
    return Response(
        200,
        _ASSETS_DIR.joinpath("index.html").read_bytes(),
        (
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-security-policy", _CONTENT_SECURITY_POLICY),
            (b"referrer-policy", b"no-referrer"),
            (b"cache-control", b"no-cache"),
            (b"vary", b"Accept"),
        ),
    )


def assets_route() -> Route:
    """Return the route of the page's scripts and styles."""
    assets = {asset.name: asset for asset in _ASSETS_DIR.iterdir() if asset.name.endswith((".js", ".css"))}

    async def serve_asset(request: Request) -> Response:
        asset = assets.get(request.path_params["name"])
        if asset is None:
            raise NotFoundError("There is nothing at this path.")
        content_type = _CONTENT_TYPES[asset.name.rpartition(".")[2]]
        fixed_headers = ((b"cache-control", b"public, max-age=3600"),)
        return Response(200, asset.read_bytes(), ((b"content-type", content_type), *fixed_headers))

    return Route("GET", "/graphiql/{name}", serve_asset)
