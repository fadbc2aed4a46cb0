"""Cross-origin requests of browsers: allowed origins, headers and methods (CORS, Fetch standard)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from monynha.protocols.http.response import Headers, Response

ALLOWED_HEADERS = (
    "authorization, apikey, content-type, x-client-info, x-supabase-api-version, x-upsert, x-metadata, "
    "prefer, accept-profile, content-profile, x-retry-count, traceparent, tracestate, baggage, range, "
    "if-match, if-none-match, idempotency-key, x-request-id, cache-control, tus-resumable, upload-length, "
    "upload-offset, upload-metadata, upload-defer-length, x-signature, last-event-id"
)
EXPOSED_HEADERS = (
    "x-total-count, link, content-range, content-length, content-disposition, accept-ranges, etag, location, "
    "retry-after, ratelimit, ratelimit-limit, ratelimit-remaining, ratelimit-reset, idempotency-replayed, "
    "upload-offset, upload-length, upload-defer-length, upload-metadata, upload-expires, tus-resumable, tus-version, "
    "tus-extension, tus-max-size, x-supabase-api-version, x-sb-error-code, sb-request-id, x-request-id, "
    "x-transformations"
)
ALLOWED_METHODS = "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS"
_LOCALHOST_ORIGIN = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")


@dataclass(frozen=True)
class CorsPolicy:
    """The origins whose pages may call the API; `*` allows all."""

    allowed_origins: frozenset[str] = frozenset()
    allows_localhost: bool = False
    """Whether any origin on this machine is allowed (in development)."""

    def allows(self, origin: str) -> bool:
        """Whether pages of the origin may call the API."""
        return (
            "*" in self.allowed_origins
            or origin in self.allowed_origins
            or (self.allows_localhost and _LOCALHOST_ORIGIN.fullmatch(origin) is not None)
        )

    def response_headers(self, origin: str) -> Headers:
        """Return the headers that let pages of an allowed origin read a response."""
        if not self.allows(origin):
            return ((b"vary", b"Origin"),)
        return (
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-expose-headers", EXPOSED_HEADERS.encode()),
            (b"vary", b"Origin"),
        )

    def preflight(self, origin: str | None, allowed_methods: tuple[str, ...]) -> Response:
        """Answer OPTIONS: a browser's preflight request, or a client that asks for the methods of a path."""
        allow_header: Headers = ((b"allow", ", ".join(allowed_methods).encode()),) if allowed_methods else ()
        if origin is None or not self.allows(origin):
            return Response(204, b"", allow_header)
        return Response(
            204,
            b"",
            (
                *allow_header,
                (b"access-control-allow-methods", ALLOWED_METHODS.encode()),
                (b"access-control-allow-headers", ALLOWED_HEADERS.encode()),
                (b"access-control-max-age", b"86400"),
            ),
        )
