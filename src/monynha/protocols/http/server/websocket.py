"""One WebSocket connection: handshake, messages, keep-alive pings, closing (RFC 6455).

`send_frame` takes encoded frames, so that the frame of an event is encoded once for all its subscribers. A peer
that reads too slowly is disconnected after a while, and a peer that sends too fast is not read from meanwhile.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections import deque
from typing import cast
from urllib.parse import unquote

import structlog

from monynha.protocols.http.request import RequestMessage, ResponseMessage, Scope
from monynha.protocols.http.server.backpressure import DrainEvent
from monynha.protocols.http.server.uvicorn_interface import ServerConfig, ServerState
from monynha.protocols.http.server.ws_frames import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    FrameParser,
    WebSocketMessage,
    WebSocketProtocolError,
    encode_close_frame,
    encode_frame,
)

MESSAGE_LIMIT_BYTES = 1_000_000
CLOSE_GOING_AWAY, CLOSE_POLICY_VIOLATION, CLOSE_INTERNAL_ERROR, CLOSE_TRY_AGAIN_LATER = 1001, 1008, 1011, 1013
"""Close codes of the IANA registry."""
_WRITE_BUFFER_LIMIT_BYTES = 2_000_000
_MAX_QUEUED_MESSAGES = 64
_CLOSE_TIMEOUT_S = 2.0
_DRAIN_TIMEOUT_S = 30.0
_PING_INTERVAL_S = 30.0
_HANDSHAKE_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_log = structlog.get_logger("monynha.websocket")


class WebSocketScope(Scope):
    """The ASGI scope of a WebSocket; the handler uses the `WebSocket` instead of ASGI's messages."""

    websocket: WebSocket


class WebSocket(asyncio.Protocol):
    """One WebSocket. `HttpConnection` instantiates it for an upgrade and passes it the request head."""

    def __init__(
        self, config: ServerConfig, server_state: ServerState, app_state: object = None, _loop: object = None
    ) -> None:
        self._app = config.loaded_app
        self._state = server_state
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._handshake_buffer = bytearray()
        self._parser: FrameParser | None = None
        self._messages: deque[WebSocketMessage] = deque()
        self._message_arrived: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_handshake_finished = False
        self._is_reading_paused = False
        self._has_received_since_ping = True
        self._drain_event = DrainEvent()
        self.is_closed = False
        self.is_full = False
        """Whether the write buffer is above its high-water mark, so that senders should wait for `drain`."""
        self.scope = cast(WebSocketScope, {})  # set by the handshake, before the handler is called

    # Called by the handler.

    def accept(self, subprotocol: str | None = None) -> None:
        """Complete the handshake."""
        key = self.header(b"sec-websocket-key") or b""
        accept_key = base64.b64encode(hashlib.sha1(key + _HANDSHAKE_GUID, usedforsecurity=False).digest())
        lines = [
            b"HTTP/1.1 101 Switching Protocols",
            b"Upgrade: websocket",
            b"Connection: Upgrade",
            b"Sec-WebSocket-Accept: " + accept_key,
        ]
        if subprotocol is not None:
            lines.append(b"Sec-WebSocket-Protocol: " + subprotocol.encode("ascii"))
        self._is_handshake_finished = True
        self._write(b"\r\n".join(lines) + b"\r\n\r\n")
        self._timer = self._loop.call_later(_PING_INTERVAL_S, self._ping)

    def reject(self, status: int, body: bytes, *, content_type: str = "application/json") -> None:
        """Answer the handshake with an HTTP error response, and close."""
        if self._is_handshake_finished:
            return
        self._is_handshake_finished = True
        head = (
            f"HTTP/1.1 {status} Refused\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n"
        )
        self._write(head.encode() + body)
        self._flush_and_close()

    async def receive(self) -> str | bytes | None:
        """Return the next text or binary message, None once the connection is closed."""
        while not self._messages:
            if self.is_closed:
                return None
            self._message_arrived = self._loop.create_future()
            await self._message_arrived
        message = self._messages.popleft()
        if self._is_reading_paused and len(self._messages) < _MAX_QUEUED_MESSAGES // 2:
            self._resume_reading()
        return message.payload if message.opcode == BINARY else message.payload.decode()

    def send_text(self, text: bytes) -> None:
        """Send a text message, encoded in UTF-8."""
        self.send_frame(encode_frame(text))

    def send_frame(self, frame: bytes) -> None:
        """Send an encoded frame; disconnect a peer that leaves too many bytes unread."""
        if self.is_closed or self._transport is None:
            return
        if self.is_full and self._transport.get_write_buffer_size() > _WRITE_BUFFER_LIMIT_BYTES:
            self.disconnect()
            return
        self._transport.write(frame)

    async def drain(self) -> None:
        """Wait until the write buffer is below its low-water mark; disconnect a peer that does not read."""
        if not self.is_full or self.is_closed:
            return
        if not await self._drain_event.wait(_DRAIN_TIMEOUT_S):
            self.disconnect()

    def disconnect(self) -> None:
        """Close because the peer reads too slowly."""
        self.close(CLOSE_TRY_AGAIN_LATER, "client reads too slowly")

    def close(self, code: int, reason: str) -> None:
        """Send a close frame and wait shortly for the peer's; reject an unfinished handshake with 403."""
        if self.is_closed:
            return
        if not self._is_handshake_finished:
            self.reject(403, b'{"error":"' + reason.encode() + b'"}')
            return
        self._write(encode_close_frame(code, reason))
        self._mark_closed()
        if self._transport is not None:
            # Closing before the peer has replied could make the kernel discard what it has not read yet.
            self._transport.resume_reading()
            self._timer = self._loop.call_later(_CLOSE_TIMEOUT_S, self._transport.abort)

    def header(self, name: bytes) -> bytes | None:
        """Return a header of the handshake by its lower-case name."""
        return next((value for key, value in self.scope["headers"] if key == name), None)

    # Called by uvicorn and asyncio, which prescribe the names.

    def shutdown(self) -> None:
        """Close because the server stops."""
        self.close(CLOSE_GOING_AWAY, "server is shutting down")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register the connection with the server."""
        self._transport = cast(asyncio.Transport, transport)  # a stream server makes no other kind
        self._state.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Unregister the connection; the handler's next `receive` returns None."""
        self._state.connections.discard(self)
        self._transport = None
        self._mark_closed()

    def pause_writing(self) -> None:
        """Mark the write buffer as full."""
        self.is_full = True

    def resume_writing(self) -> None:
        """Resume senders once the peer has read enough."""
        self.is_full = False
        self._drain_event.set()

    def eof_received(self) -> None:
        """Return None, so that asyncio closes the transport when the peer half-closes."""

    def data_received(self, data: bytes) -> None:
        """Read the handshake, then frames."""
        self._has_received_since_ping = True
        if self._parser is None:
            self._handshake_buffer += data
            end = self._handshake_buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head, data = bytes(self._handshake_buffer[:end]), bytes(self._handshake_buffer[end + 4 :])
            self._handshake_buffer.clear()
            if not self._parse_handshake(head):
                return
        if self._parser is None:
            return
        try:
            for message in self._parser.feed(data):
                self._on_message(message)
        except WebSocketProtocolError as error:
            self.close(error.code, error.reason)

    def _parse_handshake(self, head: bytes) -> bool:
        request_line, *header_lines = head.split(b"\r\n")
        path, _, query_string = request_line.split(b" ")[1].partition(b"?")
        headers = [
            (name.strip().lower(), value.strip()) for name, _, value in (line.partition(b":") for line in header_lines)
        ]
        peer = self._transport.get_extra_info("peername") if self._transport is not None else None
        self.scope = {
            "type": "websocket",
            "path": unquote(path.decode("ascii", "replace")),
            "query_string": query_string,
            "headers": headers,
            "client": (str(peer[0]), int(peer[1])) if isinstance(peer, tuple) else None,
            "websocket": self,
        }
        self._parser = FrameParser(MESSAGE_LIMIT_BYTES)
        key = self.header(b"sec-websocket-key") or b""
        is_version_13 = self.header(b"sec-websocket-version") == b"13"
        if not is_version_13 or len(key) != 24 or not request_line.startswith(b"GET "):
            self.reject(400, b'{"error":"A WebSocket handshake of version 13 is required."}')
            return False
        self._task = self._loop.create_task(self._run())
        self._state.tasks.add(self._task)
        self._task.add_done_callback(self._state.tasks.discard)
        return True

    async def _run(self) -> None:
        try:
            await self._app(self.scope, _no_receive, _no_send)
            self.close(1000, "")
        except Exception as error:
            _log.error(
                "websocket handler failed",
                path=self.scope["path"],
                err={"type": type(error).__name__, "message": str(error)},
            )
            self.close(CLOSE_INTERNAL_ERROR, "internal server error")

    def _on_message(self, message: WebSocketMessage) -> None:
        if self.is_closed:
            if message.opcode == CLOSE and self._transport is not None:
                self._transport.close()
        elif message.opcode == PING:
            self._write(encode_frame(message.payload, PONG))
        elif message.opcode == CLOSE:
            self._reply_close(message.payload)
        elif message.opcode != PONG:
            if message.opcode == TEXT:
                try:
                    message.payload.decode()
                except UnicodeDecodeError:
                    raise WebSocketProtocolError(1007, "text messages must be UTF-8") from None
            self._messages.append(message)
            self._notify_receiver()
            if len(self._messages) >= _MAX_QUEUED_MESSAGES and not self._is_reading_paused:
                self._pause_reading()

    def _pause_reading(self) -> None:
        if self._transport is not None:
            self._is_reading_paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._transport is not None:
            self._is_reading_paused = False
            self._transport.resume_reading()

    def _reply_close(self, payload: bytes) -> None:
        code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1000
        is_sendable = 1000 <= code < 5000 and code not in (1005, 1006)
        self._write(encode_close_frame(code if is_sendable else 1002, ""))
        self._flush_and_close()

    def _ping(self) -> None:
        if not self._has_received_since_ping:
            # Nothing was received between two pings: the peer has gone.
            self._flush_and_close()
        elif not self.is_closed:
            self._has_received_since_ping = False
            self.send_frame(encode_frame(b"", PING))
            self._timer = self._loop.call_later(_PING_INTERVAL_S, self._ping)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _flush_and_close(self) -> None:
        """Close after the write buffer is flushed; abort if the peer does not read it."""
        self._mark_closed()
        if self._transport is not None:
            self._transport.close()
            self._timer = self._loop.call_later(_CLOSE_TIMEOUT_S, self._transport.abort)

    def _mark_closed(self) -> None:
        self.is_closed = True
        self._drain_event.set()
        if self._timer is not None:
            self._timer.cancel()
        self._notify_receiver()

    def _notify_receiver(self) -> None:
        if self._message_arrived is not None and not self._message_arrived.done():
            self._message_arrived.set_result(None)


async def _no_receive() -> RequestMessage:
    raise NotImplementedError("the handler reads from the WebSocket itself")


async def _no_send(message: ResponseMessage) -> None:
    raise NotImplementedError("the handler writes to the WebSocket itself")
