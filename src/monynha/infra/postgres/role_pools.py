"""The three pools of one role: shared and exclusive pipelines for single statements, and one for transactions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from monynha.core.lru_cache import LruCache
from monynha.infra.postgres.pipeline.connection import QueryResult
from monynha.infra.postgres.pipeline.pool import PipelinePool
from monynha.infra.postgres.pool import ConnectionPool

_MAX_PIPELINED = 16
"""How many queries may be in flight on a shared connection."""
_KEPT_EXCLUSIVE_S = 10
"""For how long a statement that was slow gets an exclusive connection."""


@dataclass(frozen=True, slots=True)
class RolePools:
    """The connections of one role.

    Light queries share connections. Anything that may take long (a search, a write that waits for a lock) has a
    connection to itself, so that no other query waits behind it; so has a statement that recently was slow.
    """

    shared: PipelinePool
    exclusive: PipelinePool
    transactions: ConnectionPool
    _slow_until: LruCache[str, float]

    @classmethod
    def create(cls, url: str, role: str, *, size: int) -> RolePools:
        """Return pools of `size` shared connections and one and a half times as many of each other kind, unopened."""
        exclusive_size = size + (size + 1) // 2
        loop = asyncio.get_running_loop()
        slow_until: LruCache[str, float] = LruCache(500)

        def mark_slow(statement: str) -> None:
            slow_until.put(statement, loop.time() + _KEPT_EXCLUSIVE_S)

        return cls(
            PipelinePool(url, role, size=size, max_in_flight=_MAX_PIPELINED, on_slow_statement=mark_slow),
            PipelinePool(url, role, size=exclusive_size, max_in_flight=1),
            ConnectionPool(url, role, size=exclusive_size),
            slow_until,
        )

    async def warm_up(self) -> None:
        """Open the first connection of each pool: a wrong URL fails now, and the first request does not wait."""
        await asyncio.gather(self.shared.warm_up(), self.exclusive.warm_up(), self.transactions.warm_up())

    def execute(self, statement: str, binds: Sequence[object], *, is_light: bool) -> asyncio.Future[QueryResult]:
        """Run one statement; the future holds its result."""
        slow_until = self._slow_until.get(statement)
        if is_light and (slow_until is None or slow_until <= asyncio.get_running_loop().time()):
            return self.shared.execute(statement, binds)
        return self.exclusive.execute(statement, binds)

    def close(self) -> None:
        """Close every connection at once."""
        self.shared.close()
        self.exclusive.close()
        self.transactions.close()
