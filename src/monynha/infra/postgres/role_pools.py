"""The pools of one role: pipelines for single statements, by what they may wait for, and pools for transactions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from monynha.core.lru_cache import LruCache
from monynha.infra.postgres.connect import LOCK_TIMEOUT_MS
from monynha.infra.postgres.heavy_reads import HeavyReads
from monynha.infra.postgres.pipeline.connection import PendingQuery, QueryFuture
from monynha.infra.postgres.pipeline.pool import PipelinePool
from monynha.infra.postgres.pool import ConnectionPool

_MAX_PIPELINED = 16
"""How many queries may be in flight on a shared connection."""
_KEPT_APART_S = 10
"""For how long a statement that was slow, or blocked, does not share connections."""


@dataclass(frozen=True, slots=True)
class RolePools:
    """The connections of one role.

    Light queries share connections. Anything that may take long has a connection to itself, so that no other query
    waits behind it: searches and statements that recently were slow (`exclusive`, users' searches in turn by
    `heavy_reads`), and writes (`writes`, `transactions`). What then waits for a lock, or blocks a shared connection,
    moves to connections where it holds up only its like (`contended`, `contended_transactions`).
    """

    shared: PipelinePool
    exclusive: PipelinePool
    heavy_reads: HeavyReads
    writes: PipelinePool
    contended: PipelinePool
    transactions: ConnectionPool
    contended_transactions: ConnectionPool
    _kept_apart: LruCache[str, tuple[float, PipelinePool]]
    """For statements that were slow or blocked, until when they run where."""

    @classmethod
    def create(cls, url: str, role: str, *, size: int, limits_lock_waits: bool = True) -> RolePools:
        """Return unopened pools: `size` shared connections, and half as many to half as many more of each other kind.

        Without `limits_lock_waits` a transaction waits for a lock wherever it runs.
        """
        exclusive_size = size + (size + 1) // 2
        contended_size = max(1, size // 2)
        contended = PipelinePool(url, role, size=contended_size, max_in_flight=1)

        def move(statement: str, queries: Sequence[PendingQuery]) -> None:
            for query in queries:
                contended.submit(query)

        def pool() -> PipelinePool:
            return PipelinePool(
                url, role, size=exclusive_size, max_in_flight=1, lock_timeout_ms=LOCK_TIMEOUT_MS, on_blocked=move
            )

        exclusive, kept_apart = pool(), LruCache[str, tuple[float, PipelinePool]](500)
        return cls(
            shared=_shared_pool(url, role, size, _Destinations(exclusive, contended, kept_apart)),
            exclusive=exclusive,
            # The rest of the exclusive connections is for light statements that were slow once.
            heavy_reads=HeavyReads(exclusive, max_running=exclusive_size - size // 2),
            writes=pool(),
            contended=contended,
            transactions=ConnectionPool(
                url, role, size=exclusive_size, lock_timeout_ms=LOCK_TIMEOUT_MS if limits_lock_waits else 0
            ),
            contended_transactions=ConnectionPool(url, role, size=contended_size),
            _kept_apart=kept_apart,
        )

    async def warm_up(self) -> None:
        """Open the first connection of the pools of most requests: a wrong URL fails now, and no request waits."""
        await asyncio.gather(self.shared.warm_up(), self.exclusive.warm_up(), self.transactions.warm_up())

    def read(self, statement: str, binds: Sequence[object], *, is_light: bool, user_id: UUID | None) -> QueryFuture:
        """Run a statement that only reads; the future holds its result."""
        if not is_light:
            return self.heavy_reads.execute(statement, binds, user_id)
        kept_apart = self._kept_apart.get(statement)
        if kept_apart is None or kept_apart[0] <= asyncio.get_running_loop().time():
            return self.shared.execute(statement, binds)
        return kept_apart[1].execute(statement, binds)

    def close(self) -> None:
        """Close every connection at once."""
        for pool in (self.shared, self.exclusive, self.writes, self.contended):
            pool.close()
        self.transactions.close()
        self.contended_transactions.close()


@dataclass(frozen=True, slots=True)
class _Destinations:
    """Where the queries of a shared connection go that holds them up."""

    exclusive: PipelinePool
    contended: PipelinePool
    kept_apart: LruCache[str, tuple[float, PipelinePool]]

    def is_blocked(self, statement: str) -> bool:
        """Whether a statement has blocked a connection lately."""
        kept_apart = self.kept_apart.get(statement)
        return kept_apart is not None and kept_apart[1] is self.contended


def _shared_pool(url: str, role: str, size: int, destinations: _Destinations) -> PipelinePool:
    loop = asyncio.get_running_loop()

    def mark_slow(statement: str) -> None:
        destinations.kept_apart.put(statement, (loop.time() + _KEPT_APART_S, destinations.exclusive))

    def distribute(statement: str, queries: Sequence[PendingQuery]) -> None:
        destinations.kept_apart.put(statement, (loop.time() + _KEPT_APART_S, destinations.contended))
        for query in queries:
            if destinations.is_blocked(query.statement):
                destinations.contended.submit(query)
            else:
                (destinations.exclusive if query.was_blocked else shared).submit(query)
                query.was_blocked = True

    shared = PipelinePool(
        url, role, size=size, max_in_flight=_MAX_PIPELINED, on_slow_statement=mark_slow, on_blocked=distribute
    )
    return shared
