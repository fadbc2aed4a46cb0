"""One request and its response on an HTTP/1.1 connection: ASGI's `receive` and `send` (ASGI HTTP spec 2.3)."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Protocol
from urllib.parse import unquote

import httptools

from monynha.protocols.http.request import Header, HttpScope, RequestMessage, ResponseMessage
from monynha.protocols.http.response import Headers, encode_header_lines

CONNECTION_CLOSE: Header = (b"connection", b"close")
_ASGI = {"version": "3.0", "spec_version": "2.3"}
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
DISCARD_LIMIT_BYTES = 64 * 1024
"""How much of a body is read after its response, so that the connection can be kept."""
_COPIED_BODY_BYTES = 65_536
"""From this size on, the body of a response waits by reference: a copy of it would wait beside the body itself."""
_FULL_BODY_BUFFER_BYTES = 65_536
"""How much of a body may wait for the handler before the connection stops reading."""
_DEADLINE_AHEAD_BYTES = 1_000_000
"""How far the deadline of a body may be ahead of what has arrived: a client that declares a gigabyte and sends nothing
does not keep its connection for hours."""


def build_scope(
    method: str,
    url: bytes,
    version: str,
    *,
    headers: list[Header],
    client: tuple[str, int] | None,
) -> HttpScope:
    """Return the ASGI scope of a request."""
    raw_path, query_string = _split_target(url)
    path = raw_path.decode("ascii")
    return {
        "type": "http",
        "asgi": _ASGI,
        "http_version": version,
        "method": method,
        "scheme": "http",
        "path": unquote(path) if "%" in path else path,
        "raw_path": raw_path,
        "query_string": query_string,
        "headers": headers,
        "client": client,
    }


def encode_head(status: int, headers: Headers, *, date: bytes, header_lines: bytes = b"") -> bytes:
    """Return the bytes of a response head; raise ValueError if a header contains a line break.

    `date` and `header_lines` are headers that are encoded already.
    """
    lines = encode_header_lines(headers)
    if lines.count(b"\n") != len(headers):
        raise ValueError("a header contains a line break")
    return b"%b%b%b%b\r\n" % (_STATUS_LINES[status], date, lines, header_lines)


def _split_target(url: bytes) -> tuple[bytes, bytes]:
    """Return path and query string of a request target (RFC 9112 §3.2)."""
    if not url.startswith(b"/") or b"#" in url:
        parsed = httptools.parse_url(url)
        return parsed.path or b"/", parsed.query or b""
    path, _, query_string = url.partition(b"?")
    return path, query_string


class CycleConnection(Protocol):
    """What a request cycle needs of its connection."""

    is_disconnected: bool
    is_shutting_down: bool

    @property
    def default_header_lines(self) -> bytes:
        """The encoded headers of every response."""

    def write(self, data: bytes | bytearray) -> None:
        """Send bytes."""

    async def drain(self) -> None:
        """Wait until the client has read most of what was sent."""

    def update_reading(self) -> None:
        """Pause or resume reading, by what is buffered."""

    def on_cycle_finished(self, cycle: RequestCycle) -> None:
        """Continue after a complete response."""


class RequestCycle:
    """One request and its response; `keep_alive` is False if the connection closes afterwards."""

    __slots__ = (
        "_body",
        "_buffered_bytes",
        "_connection",
        "_expects_continue",
        "_is_body_delivered",
        "_is_chunked",
        "_state_changed",
        "_unsent_bytes",
        "body_started_at",
        "discarded_bytes",
        "has_body_timer",
        "is_body_complete",
        "is_response_finished",
        "is_response_started",
        "keep_alive",
        "received_bytes",
        "scope",
    )

    def __init__(
        self, connection: CycleConnection, scope: HttpScope, *, keep_alive: bool, expects_continue: bool
    ) -> None:
        self._connection = connection
        self._expects_continue = expects_continue
        self._body: list[bytes] = []
        self._buffered_bytes = 0
        self._unsent_bytes = 0
        self._state_changed: asyncio.Event | None = None
        self._is_body_delivered = False
        self._is_chunked = False
        self.scope = scope
        self.keep_alive = keep_alive
        self.body_started_at = 0.0
        self.has_body_timer = False
        """Whether the connection checks how long the body takes."""
        self.received_bytes = self.discarded_bytes = 0
        """How much of the body has arrived, and how much of that after the response."""
        self.is_body_complete = False
        """Whether the whole body has arrived."""
        self.is_response_started = False
        self.is_response_finished = False

    @property
    def is_body_buffer_full(self) -> bool:
        """Whether no more of the body should be read before the handler takes some."""
        return self._buffered_bytes > _FULL_BODY_BUFFER_BYTES

    @property
    def is_waiting_for_body(self) -> bool:
        """Whether the handler waits for the client to send more."""
        return self._state_changed is not None and not self.is_body_complete

    # Called by the connection.

    def feed_body(self, chunk: bytes) -> None:
        """Buffer a chunk of the body; drop it if the response is finished."""
        self.received_bytes += len(chunk)
        if self.is_response_finished:
            self.discarded_bytes += len(chunk)
        else:
            self._body.append(chunk)
            self._buffered_bytes += len(chunk)
            self.notify_handler()

    def body_deadline(self, timeout_s: float, min_bytes_per_s: int) -> float:
        """Return the time of the event loop by which the body must be complete."""
        size = min(self._body_size(), self.received_bytes + _DEADLINE_AHEAD_BYTES)
        return self.body_started_at + timeout_s + size / min_bytes_per_s

    def _body_size(self) -> int:
        """Return the declared size of the body, or without one what has arrived."""
        declared = next((value for name, value in self.scope["headers"] if name == b"content-length"), None)
        return self.received_bytes if declared is None else int(declared)

    def finish_body(self) -> None:
        """Mark the body as complete."""
        self.is_body_complete = True
        self.notify_handler()

    def notify_handler(self) -> None:
        """Let a waiting `receive` check the state again."""
        if self._state_changed is not None:
            self._state_changed.set()

    # Called by the application.

    async def receive(self) -> RequestMessage:
        """Return the next chunk of the body, or `http.disconnect` after a disconnect or the response."""
        if self._expects_continue and not (self.is_response_started or self.is_body_complete):
            self._expects_continue = False
            self._connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while not (self._connection.is_disconnected or self.is_response_finished):
            if not self._is_body_delivered and (self._body or self.is_body_complete):
                chunk = self._take_body()
                self._is_body_delivered = self.is_body_complete
                self._connection.update_reading()
                return {"type": "http.request", "body": chunk, "more_body": not self._is_body_delivered}
            self._state_changed = asyncio.Event()
            await self._state_changed.wait()
            self._state_changed = None
        return {"type": "http.disconnect"}

    def _take_body(self) -> bytes:
        chunk = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body.clear()
        self._buffered_bytes = 0
        return chunk

    async def send(self, message: ResponseMessage) -> None:
        """Send the head of the response, or a chunk of its body."""
        if self._connection.is_disconnected:
            return
        if message["type"] == "http.response.start":
            self._start_response(message["status"], tuple(message["headers"]))
            return
        chunk, is_last = message.get("body", b""), not message.get("more_body", False)
        self._unsent_bytes -= len(chunk)
        if self._is_chunked:
            chunk = b"%x\r\n%b\r\n" % (len(chunk), bytes(chunk)) if chunk else b""
            chunk += b"0\r\n\r\n" if is_last else b""
        if chunk and self.scope["method"] != "HEAD":
            self._connection.write(chunk)
        if is_last:
            # A body that ends too early must not be taken for a whole one (RFC 9112 §8).
            self.keep_alive = self.keep_alive and (self._unsent_bytes <= 0 or self.scope["method"] == "HEAD")
            self._finish_response()
        else:
            await self._connection.drain()

    def is_disconnected(self) -> bool:
        """Whether the client has left."""
        return self._connection.is_disconnected

    def send_complete(self, status: int, headers: Headers, body: bytes, header_lines: bytes = b"", /) -> None:
        """Send a whole response in one write; its Content-Length is among `headers` or `header_lines`."""
        if not self._connection.is_disconnected:
            head = self._encode_head(status, headers, header_lines)
            if len(body) < _COPIED_BODY_BYTES:
                self._connection.write(head + body)
            else:
                self._connection.write(head)
                self._connection.write(body)
            self.is_response_started = True
            self._finish_response()

    def _start_response(self, status: int, headers: Headers) -> None:
        content_length = next((value for name, value in headers if name == b"content-length"), None)
        self._unsent_bytes = int(content_length or 0)
        if content_length is None and self.scope["method"] != "HEAD" and status not in (204, 304):
            if self.scope["http_version"] == "1.0":
                self.keep_alive = False
            else:
                self._is_chunked = True
                headers = (*headers, (b"transfer-encoding", b"chunked"))
        self.is_response_started = True
        self._connection.write(self._encode_head(status, headers))

    def _encode_head(self, status: int, headers: Headers, header_lines: bytes = b"") -> bytes:
        is_rest_small = self.is_body_complete or self._body_size() - self.received_bytes <= DISCARD_LIMIT_BYTES
        self.keep_alive = self.keep_alive and is_rest_small and not self._connection.is_shutting_down
        if not self.keep_alive:
            headers = (*headers, CONNECTION_CLOSE)
        return encode_head(status, headers, date=self._connection.default_header_lines, header_lines=header_lines)

    def _finish_response(self) -> None:
        self.is_response_finished = True
        self._body.clear()
        self._buffered_bytes = 0
        self.notify_handler()
        self._connection.on_cycle_finished(self)
