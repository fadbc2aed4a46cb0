"""GraphiQL, the page to try queries on: vendored, so that it needs nobody else's server."""

from __future__ import annotations

from importlib.resources import files

from monynha.core.errors import NotFound
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Route

_KINDS = {"js": b"text/javascript; charset=utf-8", "css": b"text/css; charset=utf-8"}
# CodeMirror styles its lines inline, and the fonts are in the style sheet.
_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src data:; img-src data:;"
    b" connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PLACE = files("monynha").joinpath("web", "graphiql")


def page() -> Response:
    """Return the page."""
    return Response(
        200,
        _PLACE.joinpath("index.html").read_bytes(),
        (
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-security-policy", _POLICY),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
            (b"cache-control", b"no-cache"),
            (b"vary", b"Accept"),
        ),
    )


def parts() -> Route:
    """Return the route of the page's scripts and styles."""
    known = {one.name: one for one in _PLACE.iterdir() if one.name.endswith((".js", ".css"))}

    async def part(request: Request) -> Response:
        found = known.get(request.params["name"])
        if found is None:
            raise NotFound("There is nothing at this address.")
        kind = _KINDS[found.name.rpartition(".")[2]]
        fixed = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"public, max-age=3600"))
        return Response(200, found.read_bytes(), ((b"content-type", kind), *fixed))

    return Route("GET", "/graphiql/{name}", part)
