"""A request as a handler sees it: a thin view of the ASGI scope that costs only what is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from monynha.core.actor import Actor
from monynha.core.errors import BadRequest, TooLarge, UnsupportedMediaType
from monynha.core.wire import parse_json

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

BODY_LIMIT_BYTES = 1_000_000
_HEARD_OUT_BYTES = 10_000_000
"""How much of a body that is too large is read all the same: who is cut off while sending hears no answer."""


class Request:
    """One HTTP request: method, path, path parameters, headers, query, body."""

    __slots__ = (
        "_body",
        "_headers",
        "_receive",
        "actor",
        "client",
        "failure",
        "id",
        "method",
        "params",
        "path",
        "scope",
    )

    def __init__(self, scope: Scope, receive: Receive, *, client: str, id: str = "") -> None:
        self.scope = scope
        self._receive = receive
        self._headers: dict[bytes, bytes] | None = None
        self._body: bytes | None = None
        self.id = id
        self.client = client
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.params: dict[str, str] = {}
        self.actor: Actor | None = None
        self.failure: BaseException | None = None  # our own, for the log

    def header(self, name: bytes) -> str | None:
        """Return a header by its lower-case name; a repeated one comes joined by commas (RFC 9110 §5.3)."""
        if self._headers is None:
            self._headers = _joined(self.scope["headers"])
        found = self._headers.get(name)
        return None if found is None else found.decode("latin-1")

    @property
    def query(self) -> dict[str, str]:
        """The query parameters; one that is repeated, or not UTF-8, is a BadRequest."""
        raw: bytes = self.scope["query_string"]
        return parse_query(raw) if raw else {}

    async def body(self) -> bytes:
        """Return the whole body, at most 1 MB (TooLarge otherwise)."""
        if self._body is None:
            declared = self.header(b"content-length")
            if declared is not None and declared.isdecimal() and int(declared) > _HEARD_OUT_BYTES:
                raise TooLarge()
            self._body = await self._read(BODY_LIMIT_BYTES)
        return self._body

    async def json(self) -> Any:
        """Return the JSON body; another media type is UnsupportedMediaType, a malformed one BadRequest."""
        kind = (self.header(b"content-type") or "").partition(";")[0].strip().lower()
        if kind != "application/json" and not kind.endswith("+json"):
            raise UnsupportedMediaType()
        if (self.header(b"content-encoding") or "identity").lower() != "identity":
            raise UnsupportedMediaType("Send the body as it is, without a content coding.")
        return parse_json(await self.body())

    async def _read(self, limit_bytes: int) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise BadRequest("The client left before the body was complete.")
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if size <= limit_bytes:
                chunks.append(chunk)
            is_last = not message.get("more_body")
            if size > limit_bytes and (is_last or size > _HEARD_OUT_BYTES):
                raise TooLarge()
            if is_last:
                return b"".join(chunks)


def _joined(headers: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    found = dict(headers)
    if len(found) != len(headers):
        for name in found:
            found[name] = b", ".join(value for key, value in headers if key == name)
    return found


def parse_query(raw: bytes) -> dict[str, str]:
    """Return the parameters of a query string; each may be named once."""
    try:
        pairs = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=100
        )
    except ValueError:
        raise BadRequest("The query string cannot be read.") from None
    query = dict(pairs)
    if len(query) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadRequest("A query parameter is given twice.", details={twice[:100]: "is given twice"})
    for name, value in pairs:
        if "\x00" in name or "\x00" in value:
            raise BadRequest("A query parameter holds a NUL.", details={name[:100]: "holds a NUL"})
    return query
