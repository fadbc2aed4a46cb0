"""Connections for transactions: one role from their first moment, and no reset between askers.

The claims end with the transaction that set them, so lending and giving back cost no round trip and no proxy:
half of what the driver's own pool takes. What must never be lent again is a connection inside a transaction.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from types import TracebackType

import asyncpg

from monynha.core.errors import Unavailable
from monynha.infra.postgres.connecting import WAIT_S, Connection, connect


class Pool:
    """Up to `size` connections as one role; who finds none idle waits, at most 5 seconds (Unavailable)."""

    def __init__(self, url: str, role: str, *, size: int) -> None:
        self._url = url
        self._role = role
        self._size = size
        self._open = 0
        self._idle: list[Connection] = []
        self._waiting: deque[tuple[float, asyncio.Future[Connection | None]]] = deque()
        self._alarm: asyncio.TimerHandle | None = None

    def lend(self) -> Lent:
        """Return a connection for the time of an `async with`."""
        return Lent(self)

    async def warm(self) -> None:
        """Open the first connection."""
        async with self.lend():
            pass

    def close(self) -> None:
        """Close the idle connections; those in use are closed when they come back."""
        self._size = 0
        if self._alarm is not None:
            self._alarm.cancel()
        for _, waiter in self._waiting:
            if not waiter.done():
                waiter.set_exception(Unavailable())
        while self._idle:
            self._idle.pop().terminate()

    async def take(self) -> Connection:
        """Return a connection that nobody else has until it is given back."""
        while True:
            if not self._size:
                raise Unavailable()
            while self._idle:
                # The one used last has the warmest caches.
                connection = self._idle.pop()
                if not connection.is_closed():
                    return connection
                self._open -= 1
            if self._open < self._size:
                return await self._connect()
            given = await self._wait()
            if given is not None:
                return given

    def give_back(self, connection: Connection, *, is_broken: bool = False) -> None:
        """Take a connection back, and end it where it is not as it was lent."""
        if is_broken or self._open > self._size or connection.is_closed() or connection.is_in_transaction():
            connection.terminate()
            self._open -= 1
            self._wake(None)
        elif not self._wake(connection):
            self._idle.append(connection)

    async def _connect(self) -> Connection:
        self._open += 1
        try:
            connection = await connect(self._url, self._role)
            # PostgreSQL's JSON is the answer: it goes through unopened.
            await connection.set_type_codec(
                "json", schema="pg_catalog", encoder=bytes, decoder=bytes, format="binary"
            )
        except BaseException:
            self._open -= 1
            self._wake(None)
            raise
        return connection

    async def _wait(self) -> Connection | None:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Connection | None] = loop.create_future()
        self._waiting.append((loop.time() + WAIT_S, waiter))
        if self._alarm is None:
            self._alarm = loop.call_later(WAIT_S, self._give_up)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._pass_on(waiter.result())
            raise

    def _give_up(self) -> None:
        """Send away who waited long enough; one alarm serves all who wait, since they wait equally long."""
        loop = asyncio.get_running_loop()
        while self._waiting and (self._waiting[0][0] <= loop.time() or self._waiting[0][1].done()):
            _, waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(Unavailable())
        self._alarm = loop.call_at(self._waiting[0][0], self._give_up) if self._waiting else None

    def _pass_on(self, given: Connection | None) -> None:
        """Give away what somebody was given in the moment they stopped waiting."""
        if given is None:
            self._wake(None)
        else:
            self.give_back(given)

    def _wake(self, connection: Connection | None) -> bool:
        while self._waiting:
            _, waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return True
        return False


def _breaks(error: BaseException | None) -> bool:
    # An answer that nobody waited for would be the next asker's.
    return isinstance(error, asyncio.CancelledError | TimeoutError | asyncpg.InterfaceError)


@dataclass(slots=True)
class Lent:
    """A connection lent for the time of an `async with`."""

    _pool: Pool
    _connection: Connection | None = None

    async def __aenter__(self) -> Connection:
        self._connection = await self._pool.take()
        return self._connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._connection is not None
        self._pool.give_back(self._connection, is_broken=_breaks(error))
