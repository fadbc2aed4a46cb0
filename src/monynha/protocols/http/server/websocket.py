"""One WebSocket connection: handshake, messages, keep-alive pings, closing (RFC 6455).

`send_frame` takes encoded frames, so that the frame of an event is encoded once for all its subscribers. A peer
that reads too slowly is disconnected after a while, and a peer that sends too fast is not read from meanwhile.
Until the handler calls `mark_authenticated` a peer may send little, and one message at a time.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections import deque
from typing import cast
from urllib.parse import unquote

import structlog

from monynha.protocols.http.request import RequestMessage, ResponseMessage, Scope
from monynha.protocols.http.server.backpressure import DrainEvent
from monynha.protocols.http.server.token_bucket import TokenBucket
from monynha.protocols.http.server.unauthenticated_sockets import SocketSlot
from monynha.protocols.http.server.unsent_bytes import SlowReader, UnsentBytes
from monynha.protocols.http.server.uvicorn_interface import ServerConfig, ServerState
from monynha.protocols.http.server.ws_frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    FrameParser,
    WebSocketMessage,
    WebSocketProtocolError,
    encode_close_frame,
    encode_frame,
    parse_close_code,
)

MESSAGE_LIMIT_BYTES = 1_000_000
UNAUTHENTICATED_MESSAGE_LIMIT_BYTES = 16 * 1024
UNAUTHENTICATED_FRAMES_PER_S, UNAUTHENTICATED_BURST = 10.0, 50.0
CLOSE_GOING_AWAY, CLOSE_POLICY_VIOLATION, CLOSE_INTERNAL_ERROR, CLOSE_TRY_AGAIN_LATER = 1001, 1008, 1011, 1013
"""Close codes of the IANA registry."""
_WRITE_BUFFER_LIMIT_BYTES = 1_000_000
"""Beyond it nothing more is written; a single message may be longer."""
_MAX_QUEUED_MESSAGES, _MAX_QUEUED_BYTES = 64, 1_000_000
_FRAME_HEADER_BYTES = 6
_MAX_FRAMES_PER_TURN, _MAX_BYTES_PER_TURN = 64, 64 * 1024
"""How much is parsed before the event loop turns to other connections."""
_FLOOD_DELAY_S, _FLOOD_BYTES_PER_S = 0.1, 1_000_000
"""How fast a peer is read from whose budget is empty."""
_MAX_FRAMES_AFTER_CLOSE, _MAX_BYTES_AFTER_CLOSE = 100, 64 * 1024
"""Where the peer's close frame is looked for after ours; the rest is dropped unread."""
_MAX_DROPPED_BYTES = 1_000_000
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

    def __init__(self, config: ServerConfig, server_state: ServerState, *, unsent_bytes: UnsentBytes) -> None:
        self._app = config.loaded_app
        self._state = server_state
        self._unsent_bytes = unsent_bytes
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._handshake_buffer = bytearray()
        self._parser: FrameParser | None = None
        self._parsing: asyncio.Handle | None = None
        self._messages: deque[WebSocketMessage] = deque()
        self._queued_bytes = 0
        self._message_arrived: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_handshake_finished = False
        self._is_reading_paused = False
        self._has_received_since_ping = True
        self._pending_pong: bytes | None = None
        self._bytes_after_close = 0
        self._drain_event = DrainEvent()
        self._slow_reader: SlowReader | None = None
        self._unauthenticated_budget = TokenBucket(
            time.monotonic, rate_per_s=UNAUTHENTICATED_FRAMES_PER_S, burst=UNAUTHENTICATED_BURST
        )
        self.budget = TokenBucket(time.monotonic)
        """What the peer may send once it is authenticated: the handler takes the cost of each message from it."""
        self.slot: SocketSlot | None = None
        """Its place among the unauthenticated sockets of its client."""
        self.is_authenticated = False
        self.is_closed = False
        self.is_full = False
        """Whether the write buffer is above its high-water mark, so that senders should wait for `drain`."""
        self.scope = cast(Scope, {})  # set by the handshake, before the handler is called

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
        self._continue_parsing()

    def mark_authenticated(self) -> None:
        """Let the peer send as much as an authenticated one may, from the next message on."""
        self.is_authenticated = True
        if self._parser is not None:
            self._parser.policy_limit_bytes = MESSAGE_LIMIT_BYTES
        if self.slot is not None:
            self.slot.release()

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
        if self._messages:
            # Waiting messages would otherwise be handled one after the other, with nothing else in between.
            await asyncio.sleep(0)
        while not self._messages:
            if self.is_closed:
                return None
            self._continue_parsing()
            self._message_arrived = self._loop.create_future()
            await self._message_arrived
            self._message_arrived = None
        message = self._messages.popleft()
        self._queued_bytes -= len(message.payload)
        if self.is_authenticated:
            self._continue_parsing()
        return message.payload if message.opcode == BINARY else message.payload.decode()

    def send_text(self, text: bytes) -> None:
        """Send a text message, encoded in UTF-8."""
        self.send_frame(encode_frame(text))

    def send_frame(self, frame: bytes) -> None:
        """Send an encoded frame; disconnect a peer that leaves too many bytes unread."""
        if self.is_closed or self._transport is None:
            return
        if self.is_full and self._transport.get_write_buffer_size() + len(frame) > _WRITE_BUFFER_LIMIT_BYTES:
            self.disconnect()
            return
        self._write(frame)

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
        self._messages.clear()
        self._queued_bytes = 0
        if self._transport is not None:
            # Closing before the peer has replied could make the kernel discard what it has not read yet.
            self._resume_reading()
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
        self._transport = self._parser = None
        if self._slow_reader is not None:
            self._unsent_bytes.unwatch(self._slow_reader)
        self._mark_closed()

    def pause_writing(self) -> None:
        """Mark the write buffer as full."""
        self.is_full = True
        if self._transport is not None and self._slow_reader is None:
            self._slow_reader = self._unsent_bytes.watch(self._transport)

    def resume_writing(self) -> None:
        """Resume senders once the peer has read enough."""
        self.is_full = False
        if self._slow_reader is not None:
            self._unsent_bytes.unwatch(self._slow_reader)
            self._slow_reader = None
        self._send_pending_pong()
        self._drain_event.set()

    def eof_received(self) -> None:
        """Return None, so that asyncio closes the transport when the peer half-closes."""

    def data_received(self, data: bytes) -> None:
        """Read the handshake, then frames; after a close, drop what is received."""
        self._has_received_since_ping = True
        if self.is_closed:
            self._receive_after_close(data)
            return
        if self._parser is None:
            self._handshake_buffer += data
            end = self._handshake_buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head, data = bytes(self._handshake_buffer[:end]), bytes(self._handshake_buffer[end + 4 :])
            self._handshake_buffer.clear()
            if not self._parse_handshake(head):
                return
        if self._parser is not None:
            self._parser.feed(data)
            if self._parsing is None:
                self._parse_frames()

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
        }
        self._parser = FrameParser(MESSAGE_LIMIT_BYTES, UNAUTHENTICATED_MESSAGE_LIMIT_BYTES)
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
            # A scope that held the socket for longer would be a reference cycle.
            await self._app(cast(WebSocketScope, {**self.scope, "websocket": self}), _no_receive, _no_send)
            self.close(1000, "")
        except Exception as error:
            _log.error(
                "websocket handler failed",
                path=self.scope["path"],
                err={"type": type(error).__name__, "message": str(error)},
            )
            self.close(CLOSE_INTERNAL_ERROR, "internal server error")

    # Receiving.

    @property
    def _is_receiver_busy(self) -> bool:
        """Whether the handler should take what was parsed before more is.

        Before authentication it takes one message at a time: the next may be within other limits.
        """
        if not self._is_handshake_finished or self._queued_bytes >= _MAX_QUEUED_BYTES:
            return True
        return len(self._messages) >= (_MAX_QUEUED_MESSAGES if self.is_authenticated else 1)

    def _continue_parsing(self) -> None:
        """Go on with what was received while the handler was busy."""
        if self._is_reading_paused and self._parsing is None and not self.is_closed:
            self._parsing = self._loop.call_soon(self._parse_frames)

    def _parse_frames(self) -> None:
        """Handle some of the frames that were received, and schedule the others; read on when there are none."""
        self._parsing = None
        parsed_bytes, has_more = 0, True
        try:
            for _ in range(_MAX_FRAMES_PER_TURN):
                if self._parser is None or self.is_closed or self._is_receiver_busy:
                    break
                frame = self._parser.parse_next()
                if frame is None:
                    has_more = False
                    break
                self._on_frame(frame)
                parsed_bytes += len(frame.payload) + _FRAME_HEADER_BYTES
                if parsed_bytes > _MAX_BYTES_PER_TURN:
                    break
        except WebSocketProtocolError as error:
            self._parser = None  # what follows cannot be parsed
            self.close(error.code, error.reason)
        if self.is_closed:
            return
        self._send_pending_pong()
        if self.is_authenticated and parsed_bytes and self.budget.is_empty:
            delay_s = max(_FLOOD_DELAY_S, parsed_bytes / _FLOOD_BYTES_PER_S)
            self._parsing = self._loop.call_later(delay_s, self._parse_frames)
        elif not has_more:
            self._resume_reading()
            return
        elif not self._is_receiver_busy:
            self._parsing = self._loop.call_soon(self._parse_frames)
        self._pause_reading()

    def _on_frame(self, frame: WebSocketMessage) -> None:
        """Handle a frame. Messages take from the budget in the handler, which can tell the peer that it is empty."""
        opcode = frame.opcode
        if opcode == CLOSE:
            self._reply_close(frame.payload)
        elif not self.is_authenticated and not self._unauthenticated_budget.try_take():
            raise WebSocketProtocolError(CLOSE_POLICY_VIOLATION, "too many messages before authentication")
        elif opcode in (PING, PONG, CONTINUATION):
            is_within_budget = not self.is_authenticated or self.budget.try_take()
            if opcode == PING and is_within_budget:
                self._pending_pong = frame.payload
        else:
            if opcode == TEXT:
                try:
                    frame.payload.decode()
                except UnicodeDecodeError:
                    raise WebSocketProtocolError(1007, "text messages must be UTF-8") from None
            self._messages.append(frame)
            self._queued_bytes += len(frame.payload)
            self._notify_receiver()

    def _send_pending_pong(self) -> None:
        """Answer the latest of the pings that were received (RFC 6455 §5.5.3), once the peer reads."""
        if self._pending_pong is not None and not self.is_full:
            self._write(encode_frame(self._pending_pong, PONG))
            self._pending_pong = None

    def _receive_after_close(self, data: bytes) -> None:
        """Look for the peer's close frame; drop everything else unread."""
        self._bytes_after_close += len(data)
        if self._bytes_after_close > _MAX_BYTES_AFTER_CLOSE:
            self._parser = None
        if self._parser is not None:
            self._parser.feed(data)
            self._find_close_frame(self._parser)
        elif self._bytes_after_close > _MAX_DROPPED_BYTES:
            self._pause_reading()

    def _find_close_frame(self, parser: FrameParser) -> None:
        try:
            for _ in range(_MAX_FRAMES_AFTER_CLOSE):
                frame = parser.parse_next()
                if frame is None:
                    return
                if frame.opcode == CLOSE and self._transport is not None:
                    self._transport.close()
                    return
        except WebSocketProtocolError:
            pass
        self._parser = None

    def _pause_reading(self) -> None:
        if self._transport is not None and not self._is_reading_paused:
            self._is_reading_paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._transport is not None and self._is_reading_paused:
            self._is_reading_paused = False
            self._transport.resume_reading()

    def _reply_close(self, payload: bytes) -> None:
        self._write(encode_close_frame(parse_close_code(payload), ""))
        self._flush_and_close()

    def _ping(self) -> None:
        if not self._has_received_since_ping and not self._is_reading_paused:
            # Nothing was received between two pings: the peer has gone.
            self._flush_and_close()
        elif not self.is_closed:
            self._has_received_since_ping = False
            self.send_frame(encode_frame(b"", PING))
            self._timer = self._loop.call_later(_PING_INTERVAL_S, self._ping)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            if self._slow_reader is not None:
                self._slow_reader.queued_bytes += len(data)
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
        for handle in (self._timer, self._parsing):
            if handle is not None:
                handle.cancel()
        self._notify_receiver()

    def _notify_receiver(self) -> None:
        if self._message_arrived is not None and not self._message_arrived.done():
            self._message_arrived.set_result(None)


async def _no_receive() -> RequestMessage:
    raise NotImplementedError("the handler reads from the WebSocket itself")


async def _no_send(message: ResponseMessage) -> None:
    raise NotImplementedError("the handler writes to the WebSocket itself")
