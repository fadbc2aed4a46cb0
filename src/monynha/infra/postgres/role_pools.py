"""The connections of one role: lanes for questions, which are one statement, and a pool for transactions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from monynha.core.lru_cache import LruCache
from monynha.infra.postgres.pipeline.connection import QueryResult
from monynha.infra.postgres.pipeline.pool import PipelinePool
from monynha.infra.postgres.pool import ConnectionPool

_MAX_PIPELINED = 16
"""How many questions are under way on a shared connection at most."""
_KEPT_EXCLUSIVE_S = 10
"""For how long a statement that took long does not share a connection again."""


@dataclass(frozen=True, slots=True)
class RolePools:
    """How one role is asked.

    What is light shares its connections. What may take its time (a search, a write that waits for a lock) has
    one to itself, so that nobody waits behind it; so has for a while what proved to be slow.
    """

    shared: PipelinePool
    exclusive: PipelinePool
    transactions: ConnectionPool
    _slow_until: LruCache[str, float]

    @classmethod
    def create(cls, url: str, role: str, *, size: int) -> RolePools:
        """Return access by up to `size` shared connections, and half as many again of each other kind."""
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
        """Open the first connection of each kind, so that a wrong URL is heard of and nobody waits later."""
        await asyncio.gather(self.shared.warm_up(), self.exclusive.warm_up(), self.transactions.warm_up())

    def execute(self, statement: str, binds: Sequence[object], *, is_light: bool) -> asyncio.Future[QueryResult]:
        """Return what answers the statement, once it is there."""
        slow_until = self._slow_until.get(statement)
        if is_light and (slow_until is None or slow_until <= asyncio.get_running_loop().time()):
            return self.shared.execute(statement, binds)
        return self.exclusive.execute(statement, binds)

    def close(self) -> None:
        """End every connection, waiting for none."""
        self.shared.close()
        self.exclusive.close()
        self.transactions.close()
