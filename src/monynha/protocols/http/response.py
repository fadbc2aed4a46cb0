"""A response as a value, and the envelope that every answer of the API wears."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from monynha.core.errors import AppError, UnauthenticatedError

Headers = tuple[tuple[bytes, bytes], ...]
SEND_COMPLETE = "monynha.whole"
"""Where a scope may hold what sends a whole answer at once: `(status, headers, body)`."""
JSON_CONTENT_TYPE: tuple[bytes, bytes] = (b"content-type", b"application/json")


@dataclass(frozen=True, slots=True)
class Response:
    """A status, a body in bytes, and headers with lower-case names."""

    status: int
    body: bytes = b""
    headers: Headers = ()
    stream: AsyncIterator[bytes] | None = None
    """What the body goes on with, for as long as somebody reads it."""


def encode_headers(*pairs: tuple[str, str]) -> Headers:
    """Return header pairs as ASGI wants them."""
    return tuple((name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in pairs)


def json_response(value: Any, *, status: int = 200, extra_headers: Headers = ()) -> Response:
    """Return a plain JSON answer without the envelope."""
    return Response(status, orjson.dumps(value), (JSON_CONTENT_TYPE, *extra_headers))


def data_response(data: bytes, *, status: int = 200, meta: bytes = b"", extra_headers: Headers = ()) -> Response:
    """Return `{"success": true, "data": …}` around JSON that PostgreSQL made."""
    tail = b',"meta":' + meta + b"}" if meta else b"}"
    return Response(status, b'{"success":true,"data":' + data + tail, (JSON_CONTENT_TYPE, *extra_headers))


def error_response(error: AppError, request_id: str, *, stack: Sequence[str] = ()) -> Response:
    """Return the envelope of an error; `stack` is given in development only."""
    body_error: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.details:
        body_error["details"] = error.details
    body_error["requestId"] = request_id
    if stack:
        body_error["stack"] = list(stack)
    extra_headers = encode_headers(*error.headers)
    if isinstance(error, UnauthenticatedError):
        extra_headers = (*extra_headers, (b"www-authenticate", b"Bearer"))
    body = orjson.dumps({"success": False, "error": body_error}, default=str)
    return Response(error.status, body, (JSON_CONTENT_TYPE, *extra_headers))
