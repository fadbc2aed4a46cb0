"""The pipelines of one role: what comes in one turn of the loop goes out in one write, on a free connection.

So a busy program sends few and full packets, for which the server wakes up once, and an idle one asks each
question on a connection of its own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from monynha.core.errors import UnavailableError
from monynha.infra.postgres.connect import ACQUIRE_TIMEOUT_S, connect
from monynha.infra.postgres.pipeline.connection import PendingQuery, PipelineConnection, QueryResult

_MAX_BATCH = 8
"""How many questions go to one connection while another is free."""
_BLOCKED_AFTER_S = 0.01
"""How long a question may take before a lane gets no more while there are others."""
_CONNECT_RETRY_S = 1
"""How long no connection is tried after one was refused."""


class PipelinePool:
    """Up to `size` pipelines with at most `depth` questions under way on each.

    Who finds no place waits, some 5 seconds at most (Unavailable). `on_slow` is called with each statement
    that takes long.
    """

    def __init__(
        self,
        url: str,
        role: str,
        *,
        size: int,
        max_in_flight: int,
        on_slow_statement: Callable[[str], None] = lambda statement: None,
    ) -> None:
        self._url = url
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

    def execute(self, statement: str, binds: Sequence[object]) -> asyncio.Future[QueryResult]:
        """Return what answers the statement, once it is there."""
        query = PendingQuery(statement, binds, self._loop.create_future())
        if not self._size:
            query.reject(UnavailableError())
            return query.future
        self._queue.append(query)
        if not self._is_flush_scheduled:
            self._is_flush_scheduled = True
            self._loop.call_soon(self._flush)
        return query.future

    async def warm_up(self) -> None:
        """Open the first pipeline."""
        await self._connect()

    def close(self) -> None:
        """End every connection and refuse who waits."""
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
        if self._queue_timeout is not None:
            self._queue_timeout.cancel()
            self._queue_timeout = None

    def _pick_connection(self) -> PipelineConnection | None:
        """Return the lane with the fewest questions under way, if one takes more; held-up ones come last."""
        best, lowest_rank = None, 2 * self._max_in_flight
        for connection in self._connections:
            load = connection.load
            if not load:
                return connection
            if load < self._max_in_flight:
                rank = load + self._max_in_flight if connection.is_blocked(_BLOCKED_AFTER_S) else load
                if rank < lowest_rank:
                    best, lowest_rank = connection, rank
        if len(self._connections) < self._size and self._connect_task is None and self._may_connect():
            self._connect_task = self._loop.create_task(self._add_connection())
        # A new one is there sooner than the end of what holds up all others.
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
        connection = await connect(self._url, self._role)
        if not self._size:
            connection.terminate()
            return
        self._connections.append(
            PipelineConnection(connection, on_capacity=self._on_capacity, on_slow_statement=self._on_slow_statement)
        )

    def _on_capacity(self, connection: PipelineConnection) -> None:
        if connection.is_closed and connection in self._connections:
            self._connections.remove(connection)
        if self._queue:
            self._flush()

    def _reject_expired(self, last: PendingQuery) -> None:
        """Send away who waited since the alarm was set; `last` was the last of them."""
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
