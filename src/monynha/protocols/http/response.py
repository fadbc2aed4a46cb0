"""A response as a value, and the JSON envelope of the API: `{"success", "data" | "error", "meta"}`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass

import orjson

from monynha.core.errors import AppError, UnauthenticatedError
from monynha.protocols.http.request import Header

Headers = tuple[Header, ...]
JSON_CONTENT_TYPE: Header = (b"content-type", b"application/json")
NO_SNIFFING: Header = (b"x-content-type-options", b"nosniff")
"""A browser must not guess another content type than that of the response (Fetch §3.6)."""
STRICT_TRANSPORT: Header = (b"strict-transport-security", b"max-age=31536000")
"""A browser must not use this site without TLS for a year (RFC 6797)."""


@dataclass(frozen=True, slots=True)
class Response:
    """A status, a body in bytes, and headers with lower-case names."""

    status: int
    body: bytes = b""
    headers: Headers = ()
    stream: AsyncGenerator[bytes | bytearray] | None = None
    """Chunks of a body that is sent as it is read, instead of `body`."""
    waiting_bytes: Callable[[], int] | None = None
    """How much of `stream` has been made and waits for the client."""
    content_length: int | None = None
    """The size of the body, where that is not the size of `body`: of a stream, or of what HEAD does not send."""


def encode_headers(*pairs: tuple[str, str]) -> Headers:
    """Return header pairs in the form of ASGI: bytes, names in lower case."""
    return tuple((name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in pairs)


def encode_header_lines(headers: Iterable[Header]) -> bytes:
    """Return headers as the lines of a response's head."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def decode_header_lines(header_lines: bytes) -> Headers:
    """Return encoded header lines as pairs."""
    pairs = (line.partition(b": ") for line in header_lines.split(b"\r\n") if line)
    return tuple((name, value) for name, _, value in pairs)


def json_response(value: object, *, status: int = 200, extra_headers: Headers = ()) -> Response:
    """Return a JSON response without the envelope."""
    return Response(status, orjson.dumps(value), (JSON_CONTENT_TYPE, *extra_headers))


def data_response(data: bytes, *, status: int = 200, meta: bytes = b"", extra_headers: Headers = ()) -> Response:
    """Return `{"success": true, "data": …}` around encoded JSON."""
    tail = b',"meta":' + meta + b"}" if meta else b"}"
    return Response(status, b'{"success":true,"data":' + data + tail, (JSON_CONTENT_TYPE, *extra_headers))


def error_response(error: AppError, request_id: str, *, stack: Sequence[str] = ()) -> Response:
    """Return `{"success": false, "error": …}`; `stack` is for development only."""
    error_body: dict[str, object] = {"code": error.code, "message": error.message}
    if error.details:
        error_body["details"] = error.details
    error_body["requestId"] = request_id
    if stack:
        error_body["stack"] = list(stack)
    extra_headers = encode_headers(*error.headers)
    if isinstance(error, UnauthenticatedError):
        extra_headers = (*extra_headers, (b"www-authenticate", b"Bearer"))
    body = orjson.dumps({"success": False, "error": error_body}, default=str)
    return Response(error.status, body, (JSON_CONTENT_TYPE, *extra_headers))
