"""The connections of one role: lanes for questions, which are one statement, and a pool for transactions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from monynha.core.remembered import Remembered
from monynha.infra.postgres.lanes import Lanes
from monynha.infra.postgres.pool import Pool
from monynha.infra.postgres.turn import Answer

_DEPTH = 16
"""How many questions are under way on a shared connection at most."""
_AVOIDED_S = 10
"""For how long a statement that took long does not share a connection again."""


@dataclass(frozen=True, slots=True)
class Access:
    """How one role is asked.

    What is light shares its connections. What may take its time (a search, a write that waits for a lock) has
    one to itself, so that nobody waits behind it; so has for a while what proved to be slow.
    """

    shared: Lanes
    single: Lanes
    transactions: Pool
    _slow: Remembered[str, float]

    @classmethod
    def of(cls, url: str, role: str, *, size: int) -> Access:
        """Return access by up to `size` shared connections, and half as many again of each other kind."""
        more = size + (size + 1) // 2
        loop = asyncio.get_running_loop()
        slow: Remembered[str, float] = Remembered(500)

        def avoid(statement: str) -> None:
            slow.keep(statement, loop.time() + _AVOIDED_S)

        return cls(
            Lanes(url, role, size=size, depth=_DEPTH, on_slow=avoid),
            Lanes(url, role, size=more, depth=1),
            Pool(url, role, size=more),
            slow,
        )

    async def warm(self) -> None:
        """Open the first connection of each kind, so that a wrong URL is heard of and nobody waits later."""
        await asyncio.gather(self.shared.warm(), self.single.warm(), self.transactions.warm())

    def ask(self, statement: str, binds: Sequence[object], *, is_light: bool) -> asyncio.Future[Answer]:
        """Return what answers the statement, once it is there."""
        avoided = self._slow.get(statement)
        if is_light and (avoided is None or avoided <= asyncio.get_running_loop().time()):
            return self.shared.ask(statement, binds)
        return self.single.ask(statement, binds)

    def close(self) -> None:
        """End every connection, waiting for none."""
        self.shared.close()
        self.single.close()
        self.transactions.close()
