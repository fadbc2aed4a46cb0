"""A request as handlers see it: a thin view of an ASGI scope that parses only what is used."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from math import inf
from typing import NotRequired, Protocol, Required, TypedDict
from urllib.parse import parse_qsl

from monynha.core.actor import Actor
from monynha.core.errors import BadRequestError, PayloadTooLargeError, UnsupportedMediaTypeError
from monynha.core.request_context import RequestContext, stored_user_agent
from monynha.core.serialization import parse_json

Header = tuple[bytes, bytes]


class SendComplete(Protocol):
    """Sends status, headers and the whole body in one write."""

    def __call__(self, status: int, headers: tuple[Header, ...], body: bytes, header_lines: bytes = b"", /) -> None:
        """Send a response; `header_lines` are more headers, encoded, each with its line break."""


class Scope(TypedDict):
    """What the ASGI scopes of HTTP requests and WebSockets have in common."""

    type: str
    path: str
    query_string: bytes
    headers: Sequence[Header]
    client: tuple[str, int] | None
    """IP address and port of the peer; None for a Unix socket."""


class HttpScope(Scope):
    """The ASGI scope of an HTTP request (ASGI HTTP spec 2.3)."""

    asgi: Mapping[str, str]
    http_version: str
    method: str
    scheme: str
    raw_path: bytes
    send_complete: NotRequired[SendComplete]
    """Our extension to ASGI: send status, headers and the whole body in one write."""
    is_disconnected: NotRequired[Callable[[], bool]]
    """Our extension to ASGI: whether the connection is closed."""
    waiting_bytes: NotRequired[Callable[[], int]]
    """Our extension to ASGI: how much of a streamed response waits before the connection's write buffer."""


class RequestMessage(TypedDict, total=False):
    """`http.request` with a chunk of the body, or `http.disconnect`."""

    type: Required[str]
    body: bytes
    more_body: bool


class ResponseMessage(TypedDict, total=False):
    """`http.response.start` with status and headers, or `http.response.body` with a chunk of the body."""

    type: Required[str]
    status: int
    headers: Sequence[Header]
    body: bytes | bytearray
    more_body: bool


Receive = Callable[[], Awaitable[RequestMessage]]
Send = Callable[[ResponseMessage], Awaitable[None]]
AsgiApplication = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_LIMIT_BYTES = 1_000_000
_DISCARD_LIMIT_BYTES = 10_000_000
"""How much of an oversized body is read and discarded: a client that is cut off while it sends sees no 413."""


def peer_ip(scope: Scope) -> str:
    """Return the IP address of the peer, empty for a Unix socket."""
    client = scope["client"]
    return client[0] if client else ""


class Request:
    """One HTTP request: method, path, path parameters, headers, query parameters, body."""

    __slots__ = (
        "_body",
        "_headers",
        "_receive",
        "actor",
        "client_ip",
        "failure",
        "id",
        "is_ended",
        "is_read",
        "method",
        "path",
        "path_params",
        "received_at",
        "response_header_lines",
        "scope",
    )

    def __init__(
        self, scope: HttpScope, receive: Receive, *, client_ip: str, id: str = "", received_at: float = 0.0
    ) -> None:
        self.scope = scope
        self._receive = receive
        self._headers: dict[bytes, bytes] | None = None
        self._body: bytes | None = None
        self.id = id
        self.client_ip = client_ip
        self.method = scope["method"]
        self.path = scope["path"]
        self.path_params: dict[str, str] = {}
        self.actor: Actor | None = None
        self.failure: BaseException | None = None
        """The cause of a 500, for the log."""
        self.is_read = self.method == "GET" or self.method == "HEAD"
        self.is_ended = False
        """Whether its handler was cancelled, by a deadline or because the client has left."""
        self.received_at = received_at
        """When its last byte arrived, by `time.perf_counter`; infinite while a body is being read."""
        self.response_header_lines = b""
        """Headers of its response, whatever that will be, as encoded lines that each end in a line break."""

    @property
    def has_client_left(self) -> bool:
        """Whether the connection is closed."""
        is_disconnected = self.scope.get("is_disconnected")
        return is_disconnected is not None and is_disconnected()

    def header(self, name: bytes) -> str | None:
        """Return a header by its lower-case name; values of a repeated one are joined (RFC 9110 §5.3)."""
        if self._headers is None:
            self._headers = _join_repeated(self.scope["headers"])
        value = self._headers.get(name)
        return None if value is None else value.decode("latin-1")

    def context(self) -> RequestContext:
        """Return where the request comes from."""
        return RequestContext(self.client_ip, stored_user_agent(self.header(b"user-agent")), self.id, self.actor)

    @property
    def query_params(self) -> dict[str, str]:
        """The query parameters; raise BadRequestError if one is repeated or not UTF-8."""
        query_string = self.scope["query_string"]
        return parse_query_string(query_string) if query_string else {}

    async def body(self) -> bytes:
        """Return the whole body; raise PayloadTooLargeError if it exceeds 1 MB."""
        if self._body is None:
            content_length = self.header(b"content-length")
            if content_length and content_length.isdecimal() and int(content_length) > _DISCARD_LIMIT_BYTES:
                raise PayloadTooLargeError()
            # A body has a deadline of its own.
            self.received_at = inf
            self._body = await self._read_body(BODY_LIMIT_BYTES)
            self.received_at = time.perf_counter()
        return self._body

    @property
    def declared_size(self) -> int | None:
        """The size of the body by Content-Length; None if it is sent in chunks."""
        content_length = self.header(b"content-length")
        return int(content_length) if content_length and content_length.isdecimal() else None

    async def stream(self) -> AsyncGenerator[bytes]:
        """Yield the body, of any size, in chunks as they arrive: no faster than they are taken.

        Raise BadRequestError if the client leaves before the end. The handler has no deadline from here on.
        """
        self.received_at = inf
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise BadRequestError("The client disconnected before the body was complete.")
            is_last = not message.get("more_body")
            if is_last:
                self._body = b""
            if chunk := message.get("body"):
                yield chunk
            if is_last:
                return

    async def discard_body(self) -> None:
        """Read and drop what is left of the body, up to 10 MB, so that the client reads the response to it.

        A client that waits for `100 Continue` sends none.
        """
        is_waiting = (self.header(b"expect") or "").lower() == "100-continue"
        if self._body is not None or is_waiting or (self.declared_size or 0) > _DISCARD_LIMIT_BYTES:
            return
        size = 0
        try:
            async for chunk in self.stream():
                size += len(chunk)
                if size > _DISCARD_LIMIT_BYTES:
                    return
        except BadRequestError:
            return

    async def json(self) -> object:
        """Return the parsed JSON body.

        Raise UnsupportedMediaTypeError for another media type or a content coding, BadRequestError for
        malformed JSON.
        """
        media_type = (self.header(b"content-type") or "").partition(";")[0].strip().lower()
        if media_type != "application/json" and not media_type.endswith("+json"):
            raise UnsupportedMediaTypeError()
        if (self.header(b"content-encoding") or "identity").lower() != "identity":
            raise UnsupportedMediaTypeError("Content-Encoding is not supported; send the body unencoded.")
        return parse_json(await self.body())

    async def _read_body(self, limit_bytes: int) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise BadRequestError("The client disconnected before the body was complete.")
            chunk = message.get("body", b"")
            size += len(chunk)
            if size <= limit_bytes:
                chunks.append(chunk)
            is_last = not message.get("more_body")
            if size > limit_bytes and (is_last or size > _DISCARD_LIMIT_BYTES):
                raise PayloadTooLargeError()
            if is_last:
                return b"".join(chunks)


def _join_repeated(headers: Sequence[Header]) -> dict[bytes, bytes]:
    joined = dict(headers)
    if len(joined) != len(headers):
        for name in joined:
            joined[name] = b", ".join(value for key, value in headers if key == name)
    return joined


def parse_query_string(raw: bytes) -> dict[str, str]:
    """Return the parameters of a query string; raise BadRequestError if one is repeated or malformed."""
    try:
        pairs = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=100
        )
    except ValueError:
        raise BadRequestError("The query string is malformed.") from None
    query_params = dict(pairs)
    if len(query_params) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise BadRequestError(
            "A query parameter is given more than once.",
            details={repeated[:100]: "is given more than once"},
        )
    for name, value in pairs:
        if "\x00" in name or "\x00" in value:
            raise BadRequestError(
                "A query parameter contains a NUL character.",
                details={name[:100]: "contains a NUL character"},
            )
    return query_params
