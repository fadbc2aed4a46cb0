"""A request as a handler sees it: a thin view of the ASGI scope that costs only what is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from monynha.core.actor import Actor
from monynha.core.errors import BadRequestError, PayloadTooLargeError, UnsupportedMediaTypeError
from monynha.core.serialization import parse_json

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

BODY_LIMIT_BYTES = 1_000_000
_DISCARD_LIMIT_BYTES = 10_000_000
"""How much of a body that is too large is read all the same: who is cut off while sending hears no answer."""


class Request:
    """One HTTP request: method, path, path parameters, headers, query, body."""

    __slots__ = (
        "_body",
        "_headers",
        "_receive",
        "actor",
        "client_ip",
        "failure",
        "id",
        "method",
        "path",
        "path_params",
        "scope",
    )

    def __init__(self, scope: Scope, receive: Receive, *, client_ip: str, id: str = "") -> None:
        self.scope = scope
        self._receive = receive
        self._headers: dict[bytes, bytes] | None = None
        self._body: bytes | None = None
        self.id = id
        self.client_ip = client_ip
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.path_params: dict[str, str] = {}
        self.actor: Actor | None = None
        self.failure: BaseException | None = None  # our own, for the log

    def header(self, name: bytes) -> str | None:
        """Return a header by its lower-case name; a repeated one comes joined by commas (RFC 9110 §5.3)."""
        if self._headers is None:
            self._headers = _join_repeated(self.scope["headers"])
        value = self._headers.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def query_params(self) -> dict[str, str]:
        """The query parameters; one that is repeated, or not UTF-8, is a BadRequest."""
        raw: bytes = self.scope["query_string"]
        return parse_query_string(raw) if raw else {}

    async def body(self) -> bytes:
        """Return the whole body, at most 1 MB (TooLarge otherwise)."""
        if self._body is None:
            content_length = self.header(b"content-length")
            if content_length is not None and content_length.isdecimal() and int(content_length) > _DISCARD_LIMIT_BYTES:
                raise PayloadTooLargeError()
            self._body = await self._read_body(BODY_LIMIT_BYTES)
        return self._body

    async def json(self) -> Any:
        """Return the JSON body; another media type is UnsupportedMediaType, a malformed one BadRequest."""
        media_type = (self.header(b"content-type") or "").partition(";")[0].strip().lower()
        if media_type != "application/json" and not media_type.endswith("+json"):
            raise UnsupportedMediaTypeError()
        if (self.header(b"content-encoding") or "identity").lower() != "identity":
            raise UnsupportedMediaTypeError("Send the body as it is, without a content coding.")
        return parse_json(await self.body())

    async def _read_body(self, limit_bytes: int) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise BadRequestError("The client left before the body was complete.")
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if size <= limit_bytes:
                chunks.append(chunk)
            is_last = not message.get("more_body")
            if size > limit_bytes and (is_last or size > _DISCARD_LIMIT_BYTES):
                raise PayloadTooLargeError()
            if is_last:
                return b"".join(chunks)


def _join_repeated(headers: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    joined = dict(headers)
    if len(joined) != len(headers):
        for name in joined:
            joined[name] = b", ".join(value for key, value in headers if key == name)
    return joined


def parse_query_string(raw: bytes) -> dict[str, str]:
    """Return the parameters of a query string; each may be named once."""
    try:
        pairs = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=100
        )
    except ValueError:
        raise BadRequestError("The query string cannot be read.") from None
    query = dict(pairs)
    if len(query) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise BadRequestError("A query parameter is given twice.", details={repeated[:100]: "is given twice"})
    for name, value in pairs:
        if "\x00" in name or "\x00" in value:
            raise BadRequestError("A query parameter holds a NUL.", details={name[:100]: "holds a NUL"})
    return query
