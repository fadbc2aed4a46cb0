"""Serves `/openapi.json` and the Swagger UI page at `/docs`, which loads nothing from other hosts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.resources import files

import orjson

from monynha.protocols.http.request import Request
from monynha.protocols.http.response import JSON_CONTENT_TYPE, Headers, Response
from monynha.protocols.http.router import Handler, Route, RouteGroup

_CONTENT_TYPES = {
    "index.html": b"text/html; charset=utf-8",
    "start.js": b"text/javascript; charset=utf-8",
    "swagger-ui-bundle.js": b"text/javascript; charset=utf-8",
    "swagger-ui.css": b"text/css; charset=utf-8",
}
# Swagger UI sets style attributes, hence 'unsafe-inline' for styles; scripts are from this host only.
_CONTENT_SECURITY_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    b"font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_FILE_HEADERS: Headers = (
    (b"content-security-policy", _CONTENT_SECURITY_POLICY),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"public, max-age=3600"),
)


def docs_route_group(build: Callable[[], Mapping[str, object]]) -> RouteGroup:
    """Return the routes of the document and the page; `build` is called at the first request."""

    @lru_cache(maxsize=1)
    def document_json() -> bytes:
        return orjson.dumps(build())

    async def show_document(request: Request) -> Response:
        return Response(200, document_json(), (JSON_CONTENT_TYPE, (b"cache-control", b"no-cache")))

    file_routes = (
        Route("GET", f"/docs/{name}", _file_handler(name)) for name in _CONTENT_TYPES if name != "index.html"
    )
    return RouteGroup(
        "",
        (
            Route("GET", "/openapi.json", show_document),
            Route("GET", "/docs", _file_handler("index.html")),
            *file_routes,
        ),
    )


def _file_handler(name: str) -> Handler:
    async def serve_file(request: Request) -> Response:
        body = files("monynha").joinpath("web", "docs", name).read_bytes()
        return Response(200, body, ((b"content-type", _CONTENT_TYPES[name]), *_FILE_HEADERS))

    return serve_file
