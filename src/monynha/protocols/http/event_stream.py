"""Server-sent events: an answer that goes on for as long as somebody reads it (HTML §9.2)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator

from monynha.protocols.http.draining import Draining
from monynha.protocols.http.response import Headers

HEADERS: Headers = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)
_MOST_UNREAD = 5_000
_MOST_UNREAD_BYTES = 10_000_000
_MANY_UNREAD, _MANY_UNREAD_BYTES = 500, 500_000
_PAUSE_S = 15.0
_DRAINING_S = 30.0


def piece(kind: bytes, data: bytes = b"", id: int | None = None) -> bytes:
    """Return one event."""
    place = b"" if id is None else b"id: %d\n" % id
    return place + b"event: " + kind + b"\ndata: " + data + b"\n\n"


class EventStream:
    """What one reader has not read yet; who leaves too much of it is told `too_slow`, and cut off.

    While it is read it stands among the `open` ones, so that the program can end it.
    """

    def __init__(self, open: set[EventStream], too_slow: bytes) -> None:
        self._open = open
        self._too_slow = too_slow
        self._unread: deque[bytes] = deque()
        self._size = 0
        self._woken = asyncio.Event()
        self._draining = Draining()
        self.is_over = False

    def say(self, said: bytes) -> None:
        """Send a piece."""
        if self.is_over:
            return
        if len(self._unread) >= _MOST_UNREAD or self._size > _MOST_UNREAD_BYTES:
            said, self.is_over = self._too_slow, True
        self._unread.append(said)
        self._size += len(said)
        self._woken.set()

    @property
    def is_full(self) -> bool:
        """Whether so much is unread that more should wait."""
        return len(self._unread) >= _MANY_UNREAD or self._size > _MANY_UNREAD_BYTES

    async def drained(self) -> None:
        """Return once all was read; who reads nothing for long is cut off."""
        if not self.is_full or self.is_over:
            return
        if not await self._draining.wait(_DRAINING_S):
            self.cut_off()

    def cut_off(self) -> None:
        """End: the reader is too slow."""
        self.finish(self._too_slow)

    def finish(self, last: bytes = b"") -> None:
        """Say the last piece, and no more."""
        if last:
            self.say(last)
        self.is_over = True
        self._woken.set()

    async def pieces(self) -> AsyncGenerator[bytes]:
        """Yield what is said, until it is over; a comment tells in long pauses that it goes on."""
        self._open.add(self)
        try:
            while True:
                while self._unread:
                    said = self._unread.popleft()
                    self._size -= len(said)
                    yield said
                self._draining.go_on()
                if self.is_over:
                    return
                self._woken.clear()
                try:
                    async with asyncio.timeout(_PAUSE_S):
                        await self._woken.wait()
                except TimeoutError:
                    yield b": still there\n\n"
        finally:
            self._open.discard(self)
            self.is_over = True
            self._draining.go_on()
