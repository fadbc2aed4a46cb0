"""Server-sent events: encoding, buffering for one reader, keep-alive comments (HTML standard §9.2)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator

from monynha.protocols.http.response import Headers
from monynha.protocols.http.server.backpressure import DrainEvent

SSE_HEADERS: Headers = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)
_MAX_BUFFERED_EVENTS = 5_000
_MAX_BUFFERED_BYTES = 1_000_000
"""Beyond it nothing more is buffered; a single event may be longer."""
_FULL_BUFFERED_EVENTS, _FULL_BUFFERED_BYTES = 500, 500_000
_KEEP_ALIVE_INTERVAL_S = 15.0
_DRAIN_TIMEOUT_S = 30.0


def encode_event(event_type: bytes, data: bytes = b"", id: int | None = None) -> bytes:
    """Return one event; `data` must be a single line."""
    id_line = b"" if id is None else b"id: %d\n" % id
    return id_line + b"event: " + event_type + b"\ndata: " + data + b"\n\n"


class SseStream:
    """The events that one reader has not read yet; a reader that is too slow is disconnected.

    While its events are read it is in `open_streams`, so that the program can close it at shutdown.
    `slow_reader_event` is the last event that a disconnected reader is sent.
    """

    def __init__(self, open_streams: set[SseStream], slow_reader_event: bytes) -> None:
        self._open_streams = open_streams
        self._slow_reader_event = slow_reader_event
        self._buffer: deque[bytes] = deque()
        self._buffered_bytes = 0
        self._changed = asyncio.Event()
        self._drain_event = DrainEvent()
        self.is_closed = False

    def send(self, event: bytes) -> None:
        """Buffer an encoded event; disconnect the reader if the buffer exceeds its limit."""
        if self.is_closed:
            return
        is_too_long = bool(self._buffer) and self._buffered_bytes + len(event) > _MAX_BUFFERED_BYTES
        if is_too_long or len(self._buffer) >= _MAX_BUFFERED_EVENTS:
            event, self.is_closed = self._slow_reader_event, True
        self._buffer.append(event)
        self._buffered_bytes += len(event)
        self._changed.set()

    def buffered_bytes(self) -> int:
        """Return how many bytes wait for the reader here."""
        return self._buffered_bytes

    @property
    def is_full(self) -> bool:
        """Whether senders should wait for `drain`."""
        return len(self._buffer) >= _FULL_BUFFERED_EVENTS or self._buffered_bytes > _FULL_BUFFERED_BYTES

    async def drain(self) -> None:
        """Wait until the buffer is empty if it is full; disconnect a reader that does not read."""
        if not self.is_full or self.is_closed:
            return
        if not await self._drain_event.wait(_DRAIN_TIMEOUT_S):
            self.disconnect()

    def disconnect(self) -> None:
        """Close because the reader is too slow."""
        self.close(self._slow_reader_event)

    def close(self, last_event: bytes = b"") -> None:
        """Close after what is buffered and a last event."""
        if last_event:
            self.send(last_event)
        self.is_closed = True
        self._changed.set()

    async def events(self) -> AsyncGenerator[bytes]:
        """Yield events until the stream is closed, and a comment after each interval without one."""
        self._open_streams.add(self)
        try:
            while True:
                while self._buffer:
                    event = self._buffer.popleft()
                    self._buffered_bytes -= len(event)
                    yield event
                self._drain_event.set()
                if self.is_closed:
                    return
                self._changed.clear()
                try:
                    async with asyncio.timeout(_KEEP_ALIVE_INTERVAL_S):
                        await self._changed.wait()
                except TimeoutError:
                    yield b": keep-alive\n\n"
        finally:
            self._open_streams.discard(self)
            self.is_closed = True
            self._drain_event.set()
