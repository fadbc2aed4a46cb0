"""The pool of connections for transactions of one role, without a reset between callers.

The claims end with the transaction that set them, so acquiring and releasing cost no round trip and no proxy
object: half the time of asyncpg's pool. A connection inside a transaction is never released to another caller.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from types import TracebackType

import asyncpg

from monynha.core.errors import UnavailableError
from monynha.infra.postgres.connect import ACQUIRE_TIMEOUT_S, DriverConnection, connect


class ConnectionPool:
    """Up to `size` connections; a caller waits at most 5 seconds for an idle one (then UnavailableError)."""

    def __init__(self, url: str, role: str, *, size: int, lock_timeout_ms: int = 0) -> None:
        self._url = url
        self._lock_timeout_ms = lock_timeout_ms
        self._role = role
        self._size = size
        self._open_count = 0
        self._idle: list[DriverConnection] = []
        self._waiters: deque[tuple[float, asyncio.Future[DriverConnection | None]]] = deque()
        self._timeout_handle: asyncio.TimerHandle | None = None

    def acquire(self) -> AcquireContext:
        """Return a context manager that checks out a connection and releases it."""
        return AcquireContext(self)

    async def warm_up(self) -> None:
        """Open the first connection."""
        async with self.acquire():
            pass

    def close(self) -> None:
        """Close the idle connections; those in use are closed when they are released."""
        self._size = 0
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()
        for _, waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(UnavailableError())
        while self._idle:
            self._idle.pop().terminate()

    async def checkout(self) -> DriverConnection:
        """Return a connection that is the caller's alone until it is released."""
        while True:
            if not self._size:
                raise UnavailableError()
            while self._idle:
                # Last in, first out: the most recently used connection has the warmest caches.
                connection = self._idle.pop()
                if not connection.is_closed():
                    return connection
                self._open_count -= 1
            if self._open_count < self._size:
                return await self._connect()
            handed_over = await self._wait()
            if handed_over is not None:
                return handed_over

    def release(self, connection: DriverConnection, *, is_broken: bool = False) -> None:
        """Take a connection back; close it if it is not in the state it was checked out in."""
        if is_broken or self._open_count > self._size or connection.is_closed() or connection.is_in_transaction():
            connection.terminate()
            self._open_count -= 1
            self._hand_over(None)
        elif not self._hand_over(connection):
            self._idle.append(connection)

    async def _connect(self) -> DriverConnection:
        self._open_count += 1
        try:
            connection = await connect(self._url, self._role, lock_timeout_ms=self._lock_timeout_ms)
            # JSON from PostgreSQL goes to the client as it is, without being parsed.
            await connection.set_type_codec("json", schema="pg_catalog", encoder=bytes, decoder=bytes, format="binary")
        except BaseException:
            self._open_count -= 1
            self._hand_over(None)
            raise
        return connection

    async def _wait(self) -> DriverConnection | None:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[DriverConnection | None] = loop.create_future()
        self._waiters.append((loop.time() + ACQUIRE_TIMEOUT_S, waiter))
        if self._timeout_handle is None:
            self._timeout_handle = loop.call_later(ACQUIRE_TIMEOUT_S, self._reject_expired)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._return_unclaimed(waiter.result())
            raise

    def _reject_expired(self) -> None:
        """Reject the waiters whose time is up; one timer serves all of them, because all wait equally long."""
        loop = asyncio.get_running_loop()
        while self._waiters and (self._waiters[0][0] <= loop.time() or self._waiters[0][1].done()):
            _, waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_exception(UnavailableError())
        self._timeout_handle = loop.call_at(self._waiters[0][0], self._reject_expired) if self._waiters else None

    def _return_unclaimed(self, handed_over: DriverConnection | None) -> None:
        """Hand on a connection whose waiter was cancelled just after getting it."""
        if handed_over is None:
            self._hand_over(None)
        else:
            self.release(handed_over)

    def _hand_over(self, connection: DriverConnection | None) -> bool:
        while self._waiters:
            _, waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return True
        return False


def _makes_unusable(error: BaseException | None) -> bool:
    # A result that is still to arrive would be taken for the result of the next caller's statement.
    return isinstance(error, asyncio.CancelledError | TimeoutError | asyncpg.InterfaceError)


@dataclass(slots=True)
class AcquireContext:
    """Checks out a connection for the time of an `async with`."""

    _pool: ConnectionPool
    _connection: DriverConnection | None = None

    async def __aenter__(self) -> DriverConnection:
        self._connection = await self._pool.checkout()
        return self._connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._connection is not None
        self._pool.release(self._connection, is_broken=_makes_unusable(error))
