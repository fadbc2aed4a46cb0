"""Browsers on other origins: which may ask, what they may send and read (Fetch standard)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Headers, Response

ALLOWED_HEADERS = (
    "authorization, apikey, content-type, x-client-info, x-supabase-api-version, x-upsert, x-metadata, "
    "prefer, accept-profile, content-profile, x-retry-count, traceparent, tracestate, baggage, range, "
    "if-match, if-none-match, idempotency-key, x-request-id, cache-control, tus-resumable, upload-length, "
    "upload-offset, upload-metadata, x-signature, last-event-id"
)
EXPOSED_HEADERS = (
    "x-total-count, link, content-range, content-length, etag, location, retry-after, ratelimit, "
    "ratelimit-limit, ratelimit-remaining, ratelimit-reset, idempotency-replayed, upload-offset, "
    "upload-length, tus-resumable, upload-metadata, upload-expires, x-supabase-api-version, "
    "x-sb-error-code, sb-request-id, x-request-id"
)
METHODS = "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS"
_LOCAL = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")


@dataclass(frozen=True)
class Origins:
    """The origins whose pages may call us: those named, and in development any on this machine."""

    named: frozenset[str] = frozenset()
    any_local: bool = False

    def allow(self, origin: str) -> bool:
        """Whether pages of the origin may call us."""
        return (
            "*" in self.named
            or origin in self.named
            or (self.any_local and _LOCAL.fullmatch(origin) is not None)
        )

    def of_answer(self, request: Request) -> Headers:
        """Return the headers that let the asking origin read an answer."""
        origin = request.header(b"origin")
        if origin is None:
            return ()
        if not self.allow(origin):
            return ((b"vary", b"Origin"),)
        return (
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-expose-headers", EXPOSED_HEADERS.encode()),
            (b"vary", b"Origin"),
        )

    def preflight(self, request: Request, allowed: tuple[str, ...]) -> Response:
        """Answer OPTIONS: a browser's preflight, or a plain question for the methods."""
        plain: Headers = ((b"allow", ", ".join(allowed).encode()),) if allowed else ()
        origin = request.header(b"origin")
        if origin is None or not self.allow(origin):
            return Response(204, b"", plain)
        return Response(
            204,
            b"",
            (
                *plain,
                (b"access-control-allow-methods", METHODS.encode()),
                (b"access-control-allow-headers", ALLOWED_HEADERS.encode()),
                (b"access-control-max-age", b"86400"),
            ),
        )
