"""A response as a value, and the envelope that every answer of the API wears."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from monynha.core.errors import Fault, Unauthenticated

Headers = tuple[tuple[bytes, bytes], ...]
WHOLE = "monynha.whole"
"""Where a scope may hold what sends a whole answer at once: `(status, headers, body)`."""
JSON: tuple[bytes, bytes] = (b"content-type", b"application/json")


@dataclass(frozen=True, slots=True)
class Response:
    """A status, a body in bytes, and headers with lower-case names."""

    status: int
    body: bytes = b""
    headers: Headers = ()
    stream: AsyncIterator[bytes] | None = None
    """What the body goes on with, for as long as somebody reads it."""


def headers(*pairs: tuple[str, str]) -> Headers:
    """Return header pairs as ASGI wants them."""
    return tuple(
        (name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in pairs
    )


def json_response(value: Any, *, status: int = 200, extra: Headers = ()) -> Response:
    """Return a plain JSON answer without the envelope."""
    return Response(status, orjson.dumps(value), (JSON, *extra))


def enveloped(data: bytes, *, status: int = 200, meta: bytes = b"", extra: Headers = ()) -> Response:
    """Return `{"success": true, "data": …}` around JSON that PostgreSQL made."""
    tail = b',"meta":' + meta + b"}" if meta else b"}"
    return Response(status, b'{"success":true,"data":' + data + tail, (JSON, *extra))


def refused(fault: Fault, request_id: str, *, stack: Sequence[str] = ()) -> Response:
    """Return the envelope of an error; `stack` is given in development only."""
    error: dict[str, Any] = {"code": fault.code, "message": fault.message}
    if fault.details:
        error["details"] = fault.details
    error["requestId"] = request_id
    if stack:
        error["stack"] = list(stack)
    extra = headers(*fault.headers)
    if isinstance(fault, Unauthenticated):
        extra = (*extra, (b"www-authenticate", b"Bearer"))
    body = orjson.dumps({"success": False, "error": error}, default=str)
    return Response(fault.status, body, (JSON, *extra))
