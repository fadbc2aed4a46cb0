"""The pipelined connections of one role: queries of one event loop iteration leave in one write.

So a busy program sends few, full packets, for each of which the server wakes up once, and an idle program sends
each query on a free connection.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from monynha.core.errors import UnavailableError
from monynha.infra.postgres.connect import ACQUIRE_TIMEOUT_S, connect
from monynha.infra.postgres.pipeline.connection import OnBlocked, PendingQuery, PipelineConnection, QueryFuture

_MAX_BATCH = 8
"""How many queries go to one connection in one write; the next ones go to another connection."""
_AVOIDED_AFTER_S = 0.01
"""How long the query at a connection's head may run before other connections are preferred."""
_CONNECT_RETRY_S = 1
"""How long to wait after a failed connection attempt, while other connections are open."""


class PipelinePool:
    """Up to `size` connections with at most `max_in_flight` queries in flight on each.

    A query that finds no free connection is queued, and fails with UnavailableError after 5 to 10 seconds.
    `on_slow_statement` is called with each statement that took long. `on_blocked` takes over the queries that a
    connection gives up because the first of them has been running for too long, or waits for a lock for longer than
    `lock_timeout_ms`; without it they wait.
    """

    def __init__(
        self,
        url: str,
        role: str,
        *,
        size: int,
        max_in_flight: int,
        lock_timeout_ms: int = 0,
        on_slow_statement: Callable[[str], None] = lambda statement: None,
        on_blocked: OnBlocked | None = None,
    ) -> None:
        self._url = url
        self._lock_timeout_ms = lock_timeout_ms
        self._on_blocked = on_blocked
        self._role = role
        self._size = size
        self._max_in_flight = max_in_flight
        self._on_slow_statement = on_slow_statement
        self._loop = asyncio.get_running_loop()
        self._connections: list[PipelineConnection] = []
        self._queue: deque[PendingQuery] = deque()
        self._is_flush_scheduled = False
        self._connect_task: asyncio.Task[None] | None = None
        self._retry_connect_at = 0.0
        self._queue_timeout: asyncio.TimerHandle | None = None

    def execute(self, statement: str, binds: Sequence[object]) -> QueryFuture:
        """Queue a statement; the future holds its result."""
        query = self.create_query(statement, binds)
        self.submit(query)
        return query.future

    def create_query(self, statement: str, binds: Sequence[object]) -> PendingQuery:
        """Return a query that is not queued yet."""
        return PendingQuery(statement, binds, self._loop.create_future())

    def submit(self, query: PendingQuery) -> None:
        """Queue a query."""
        if not self._size:
            query.reject(UnavailableError())
            return
        self._queue.append(query)
        if not self._is_flush_scheduled:
            self._is_flush_scheduled = True
            self._loop.call_soon(self._flush)

    async def warm_up(self) -> None:
        """Open the first connection."""
        await self._connect()

    def close(self) -> None:
        """Close every connection and reject all queries."""
        self._size = 0
        if self._queue_timeout is not None:
            self._queue_timeout.cancel()
        if self._connect_task is not None:
            self._connect_task.cancel()
        self._reject_queue(UnavailableError())
        for connection in tuple(self._connections):
            connection.close()

    def _flush(self) -> None:
        self._is_flush_scheduled = False
        queue = self._queue
        while queue:
            connection = self._pick_connection()
            if connection is None:
                if self._queue_timeout is None:
                    self._queue_timeout = self._loop.call_later(ACQUIRE_TIMEOUT_S, self._reject_expired, queue[-1])
                return
            batch: list[PendingQuery] = []
            max_batch = min(_MAX_BATCH, self._max_in_flight - connection.load)
            while queue and len(batch) < max_batch:
                query = queue.popleft()
                if not query.future.done():
                    batch.append(query)
            connection.send(batch)
            if self._max_in_flight == 1:
                for query in batch:
                    query.future.add_done_callback(partial(connection.cancel_if_abandoned, query))
        if self._queue_timeout is not None:
            self._queue_timeout.cancel()
            self._queue_timeout = None

    def _pick_connection(self) -> PipelineConnection | None:
        """Return the connection with the lowest load that takes more queries, blocked ones last; None if none does."""
        best, lowest_rank = None, 2 * self._max_in_flight
        for connection in self._connections:
            load = connection.load
            if not load:
                return connection
            if load < self._max_in_flight:
                rank = load + self._max_in_flight if connection.is_blocked(_AVOIDED_AFTER_S) else load
                if rank < lowest_rank:
                    best, lowest_rank = connection, rank
        if len(self._connections) < self._size and self._connect_task is None and self._may_connect():
            self._connect_task = self._loop.create_task(self._add_connection())
        # All are blocked: a new connection will be open sooner than one of them is free.
        return None if lowest_rank > self._max_in_flight and self._connect_task is not None else best

    def _may_connect(self) -> bool:
        return not self._connections or self._loop.time() >= self._retry_connect_at

    async def _add_connection(self) -> None:
        try:
            await self._connect()
        except Exception as error:
            self._retry_connect_at = self._loop.time() + _CONNECT_RETRY_S
            if not self._connections:
                self._reject_queue(error)
        finally:
            self._connect_task = None
        self._flush()

    async def _connect(self) -> None:
        connection = await connect(self._url, self._role, lock_timeout_ms=self._lock_timeout_ms)
        if not self._size:
            connection.terminate()
            return
        self._connections.append(
            PipelineConnection(
                connection,
                on_capacity=self._on_capacity,
                on_slow_statement=self._on_slow_statement,
                on_blocked=self._on_blocked,
                # Several queries share a connection only if they can be run twice: a write has one to itself.
                gives_up_blocked=self._on_blocked is not None and self._max_in_flight > 1,
            )
        )

    def _on_capacity(self, connection: PipelineConnection) -> None:
        if connection.is_closed and connection in self._connections:
            self._connections.remove(connection)
        if self._queue:
            self._flush()

    def _reject_expired(self, last: PendingQuery) -> None:
        """Reject the queries that were queued when the timeout was set; `last` was the last of them."""
        self._queue_timeout = None
        if last in self._queue:
            while self._queue:
                query = self._queue.popleft()
                query.reject(UnavailableError())
                if query is last:
                    break
        if self._queue:
            self._queue_timeout = self._loop.call_later(ACQUIRE_TIMEOUT_S, self._reject_expired, self._queue[-1])

    def _reject_queue(self, error: BaseException) -> None:
        while self._queue:
            self._queue.popleft().reject(error)
