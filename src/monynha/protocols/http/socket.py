"""A WebSocket as a handler sees it, spoken straight on the connection (RFC 6455).

What is sent goes out as finished frames, so that one event's frame is made once for all its hearers. Whoever
reads too slowly is waited for, then cut off with a reason, and whoever writes too fast is not read from.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections import deque
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import unquote

import structlog

from monynha.protocols.http.draining import Draining
from monynha.protocols.http.frames import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    BrokenFrame,
    Frames,
    Message,
    close_frame,
    frame,
)

MESSAGE_LIMIT_BYTES = 1_000_000
GOING_AWAY, POLICY, TOO_SLOW, FAILED = 1001, 1008, 1013, 1011
_UNREAD_LIMIT_BYTES = 2_000_000
_UNHANDLED = 64
_CLOSING_S = 2.0
_DRAINING_S = 30.0
_PING_S = 30.0
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_log = structlog.get_logger("monynha.socket")


class Socket(asyncio.Protocol):
    """One WebSocket. uvicorn makes it at the upgrade and hands it the request's head."""

    def __init__(self, config: Any, server_state: Any, app_state: Any = None, _loop: Any = None) -> None:
        self._app: Callable[..., Any] = config.loaded_app
        self._state = server_state
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._head = bytearray()
        self._frames: Frames | None = None
        self._messages: deque[Message] = deque()
        self._arrived: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_answered = False
        self._is_paused = False
        self._is_heard = True
        self._draining = Draining()
        self.is_closed = False
        self.is_full = False
        """Whether the peer leaves so much unread that more should wait."""
        self.scope: dict[str, Any] = {}

    # What a handler does.

    def accept(self, subprotocol: str | None = None) -> None:
        """Complete the handshake."""
        key = self.header(b"sec-websocket-key") or b""
        accepted = base64.b64encode(hashlib.sha1(key + _MAGIC, usedforsecurity=False).digest())
        lines = [
            b"HTTP/1.1 101 Switching Protocols",
            b"Upgrade: websocket",
            b"Connection: Upgrade",
            b"Sec-WebSocket-Accept: " + accepted,
        ]
        if subprotocol is not None:
            lines.append(b"Sec-WebSocket-Protocol: " + subprotocol.encode("ascii"))
        self._is_answered = True
        self._write(b"\r\n".join(lines) + b"\r\n\r\n")
        self._timer = self._loop.call_later(_PING_S, self._ping)

    def refuse(self, status: int, body: bytes, *, kind: str = "application/json") -> None:
        """Answer the handshake as plain HTTP, and end."""
        if self._is_answered:
            return
        self._is_answered = True
        head = (
            f"HTTP/1.1 {status} Refused\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n"
        )
        self._write(head.encode() + body)
        self._finish()

    async def receive(self) -> str | bytes | None:
        """Return the next message, None once the socket is closed."""
        while not self._messages:
            if self.is_closed:
                return None
            self._arrived = self._loop.create_future()
            await self._arrived
        message = self._messages.popleft()
        if self._is_paused and len(self._messages) < _UNHANDLED // 2 and self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()
        return message.data if message.kind == BINARY else message.data.decode()

    def send(self, text: bytes) -> None:
        """Send a text message."""
        self.send_frame(frame(text))

    def send_frame(self, made: bytes) -> None:
        """Send a finished frame; a peer that leaves too much unread is cut off."""
        if self.is_closed or self._transport is None:
            return
        if self.is_full and self._transport.get_write_buffer_size() > _UNREAD_LIMIT_BYTES:
            self.cut_off()
            return
        self._transport.write(made)

    async def drained(self) -> None:
        """Return once the peer has read most of what was sent; one that reads nothing for long is cut off."""
        if not self.is_full or self.is_closed:
            return
        if not await self._draining.wait(_DRAINING_S):
            self.cut_off()

    def cut_off(self) -> None:
        """Close: the peer reads too slowly."""
        self.close(TOO_SLOW, "reads too slowly")

    def close(self, code: int, reason: str) -> None:
        """Say why, and end; a peer that does not read that is cut off soon."""
        if self.is_closed:
            return
        if not self._is_answered:
            self.refuse(403, b'{"error":"' + reason.encode() + b'"}')
            return
        self._write(close_frame(code, reason))
        self._mark_closed()
        if self._transport is not None:
            # Its answer is waited for: closing at once could make the kernel drop what it has not read yet.
            self._transport.resume_reading()
            self._timer = self._loop.call_later(_CLOSING_S, self._transport.abort)

    def header(self, name: bytes) -> bytes | None:
        """Return a header of the handshake by its lower-case name."""
        return next((value for key, value in self.scope["headers"] if key == name), None)

    # What the server does: these names are uvicorn's and asyncio's.

    def shutdown(self) -> None:
        """End because the program stops."""
        self.close(GOING_AWAY, "the server stops")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)
        self._state.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection; the handler hears of it at its next `receive`."""
        self._state.connections.discard(self)
        self._transport = None
        self._mark_closed()

    def pause_writing(self) -> None:
        """Take notice that the peer leaves much unread."""
        self.is_full = True

    def resume_writing(self) -> None:
        """Take notice that the peer has read most of it."""
        self.is_full = False
        self._draining.go_on()

    def eof_received(self) -> None:
        """Close when the peer does."""

    def data_received(self, data: bytes) -> None:
        """Take bytes: first the handshake, then frames."""
        self._is_heard = True
        if self._frames is None:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            head, data = bytes(self._head[:end]), bytes(self._head[end + 4 :])
            self._head.clear()
            if not self._begin(head):
                return
        if self._frames is None:
            return
        try:
            for message in self._frames.feed(data):
                self._take(message)
        except BrokenFrame as broken:
            self.close(broken.code, broken.reason)

    def _begin(self, head: bytes) -> bool:
        first, *lines = head.split(b"\r\n")
        path, _, query = first.split(b" ")[1].partition(b"?")
        headers = [
            (name.strip().lower(), value.strip()) for name, _, value in (one.partition(b":") for one in lines)
        ]
        peer = self._transport.get_extra_info("peername") if self._transport is not None else None
        self.scope = {
            "type": "websocket",
            "path": unquote(path.decode("ascii", "replace")),
            "query_string": query,
            "headers": headers,
            "client": (str(peer[0]), int(peer[1])) if isinstance(peer, tuple) else None,
            "monynha.socket": self,
        }
        self._frames = Frames(MESSAGE_LIMIT_BYTES)
        key = self.header(b"sec-websocket-key") or b""
        if self.header(b"sec-websocket-version") != b"13" or len(key) != 24 or not first.startswith(b"GET "):
            self.refuse(400, b'{"error":"this is no WebSocket handshake of version 13"}')
            return False
        self._task = self._loop.create_task(self._run())
        self._state.tasks.add(self._task)
        self._task.add_done_callback(self._state.tasks.discard)
        return True

    async def _run(self) -> None:
        try:
            await self._app(self.scope, None, None)
            self.close(1000, "")
        except Exception as error:
            _log.error(
                "failed", path=self.scope["path"], err={"type": type(error).__name__, "message": str(error)}
            )
            self.close(FAILED, "something went wrong on our side")

    def _take(self, message: Message) -> None:
        if self.is_closed:
            if message.kind == CLOSE and self._transport is not None:
                self._transport.close()
        elif message.kind == PING:
            self._write(frame(message.data, PONG))
        elif message.kind == CLOSE:
            self._answer_close(message.data)
        elif message.kind != PONG:
            if message.kind == TEXT:
                try:
                    message.data.decode()
                except UnicodeDecodeError:
                    raise BrokenFrame(1007, "a text is UTF-8") from None
            self._messages.append(message)
            self._wake()
            if len(self._messages) >= _UNHANDLED and self._transport is not None and not self._is_paused:
                self._is_paused = True
                self._transport.pause_reading()

    def _answer_close(self, data: bytes) -> None:
        code = int.from_bytes(data[:2], "big") if len(data) >= 2 else 1000
        self._write(close_frame(code if 1000 <= code < 5000 and code not in (1005, 1006) else 1002, ""))
        self._finish()

    def _ping(self) -> None:
        if not self._is_heard:
            # Two pings without a sign of life: nobody is there any more.
            self._finish()
        elif not self.is_closed:
            self._is_heard = False
            self.send_frame(frame(b"", PING))
            self._timer = self._loop.call_later(_PING_S, self._ping)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _finish(self) -> None:
        """Flush and close; a peer that does not take what is left is cut off."""
        self._mark_closed()
        if self._transport is not None:
            self._transport.close()
            self._timer = self._loop.call_later(_CLOSING_S, self._transport.abort)

    def _mark_closed(self) -> None:
        self.is_closed = True
        self._draining.go_on()
        if self._timer is not None:
            self._timer.cancel()
        self._wake()

    def _wake(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)
