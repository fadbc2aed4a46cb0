"""The document at `/openapi.json`, and a page at `/docs` to try it on, with nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files
from typing import Any

import orjson

from monynha.protocols.http.request import Request
from monynha.protocols.http.response import JSON, Headers, Response
from monynha.protocols.http.router import Area, Handler, Route

_KINDS = {
    "index.html": b"text/html; charset=utf-8",
    "start.js": b"text/javascript; charset=utf-8",
    "swagger-ui-bundle.js": b"text/javascript; charset=utf-8",
    "swagger-ui.css": b"text/css; charset=utf-8",
}
# The page styles its elements in place, hence 'unsafe-inline' for styles; scripts are ours alone.
_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    b"font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Headers = (
    (b"content-security-policy", _POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"public, max-age=3600"),
)


def area(make: Callable[[], dict[str, Any]]) -> Area:
    """Return the area of the document that `make` makes, which is made when it is first asked for."""

    @lru_cache(maxsize=1)
    def told() -> bytes:
        return orjson.dumps(make())

    async def show(request: Request) -> Response:
        return Response(200, told(), (JSON, (b"cache-control", b"no-cache")))

    pages = (Route("GET", f"/docs/{name}", _file(name)) for name in _KINDS if name != "index.html")
    return Area("", (Route("GET", "/openapi.json", show), Route("GET", "/docs", _file("index.html")), *pages))


def _file(name: str) -> Handler:
    async def show(request: Request) -> Response:
        body = files("monynha").joinpath("web", "docs", name).read_bytes()
        return Response(200, body, ((b"content-type", _KINDS[name]), *_HEADERS))

    return show
