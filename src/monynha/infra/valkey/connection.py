"""One connection to Valkey: commands of one turn of the loop leave together, answers come in their order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import hiredis

Reply = Any
"""What Valkey answers: bytes, numbers, lists or None; the caller knows which."""


class ValkeyUnavailableError(Exception):
    """Valkey does not answer."""


class ValkeyConnection(asyncio.Protocol):
    """Sends commands and hands out their answers; `on_message` takes what is published."""

    def __init__(self, on_message: Callable[[bytes, bytes], None] | None = None) -> None:
        self._on_message = on_message
        self.disconnected = asyncio.Event()
        self._transport: asyncio.WriteTransport | None = None
        self._reader = hiredis.Reader()
        self._pending: deque[asyncio.Future[Reply]] = deque()
        self._outgoing: list[bytes] = []
        self._loop = asyncio.get_running_loop()

    @property
    def is_open(self) -> bool:
        """Whether commands can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, *command: str | bytes | int | float) -> asyncio.Future[Reply]:
        """Send a command; the future holds its answer, an error among them raised."""
        if not self.is_open:
            raise ValkeyUnavailableError()
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(hiredis.pack_command(command))  # type: ignore[arg-type]  # the stub lacks `...`
        future: asyncio.Future[Reply] = self._loop.create_future()
        self._pending.append(future)
        return future

    def close(self) -> None:
        """Close at once; whoever waits hears that Valkey is away."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin: the loop calls this."""
        # uvloop's transports are no subclasses, but they write.
        self._transport = cast(asyncio.WriteTransport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everybody who waits: the loop calls this."""
        self._transport = None
        self.disconnected.set()
        while self._pending:
            future = self._pending.popleft()
            if not future.done():
                future.set_exception(ValkeyUnavailableError())

    def data_received(self, data: bytes) -> None:
        """Hand out the answers that are complete: the loop calls this."""
        self._reader.feed(data)
        try:
            while (reply := self._reader.gets()) is not False:
                self._dispatch(reply)
        except hiredis.ProtocolError:
            self.close()

    def _dispatch(self, reply: Reply) -> None:
        if self._on_message is not None and isinstance(reply, list) and reply[0] == b"message":
            self._on_message(reply[1], reply[2])
            return
        if not self._pending:
            # An answer that nobody asked for: the order is lost, and with it every later answer.
            self.close()
            return
        future = self._pending.popleft()
        if future.done():
            return
        if isinstance(reply, hiredis.ReplyError):
            future.set_exception(reply)
        else:
            future.set_result(reply)

    def _flush(self) -> None:
        outgoing, self._outgoing = self._outgoing, []
        if self._transport is not None:
            self._transport.write(b"".join(outgoing))
