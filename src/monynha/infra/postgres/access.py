"""The connections of one role: lanes for questions, which are one statement, and a pool for transactions."""

from __future__ import annotations

from dataclasses import dataclass

from monynha.infra.postgres.lanes import Lanes
from monynha.infra.postgres.pool import Pool

_DEPTH = 16
"""How many questions are under way on a shared connection at most."""


@dataclass(frozen=True, slots=True)
class Access:
    """How one role is asked.

    What is light shares its connections. What may take its time (a search, a write that waits for a lock) has
    one to itself, so that nobody waits behind it.
    """

    shared: Lanes
    single: Lanes
    transactions: Pool

    @classmethod
    def of(cls, url: str, role: str, *, size: int) -> Access:
        """Return access by up to `size` shared connections, and half as many again of each other kind."""
        more = size + (size + 1) // 2
        return cls(
            Lanes(url, role, size=size, depth=_DEPTH),
            Lanes(url, role, size=more, depth=1),
            Pool(url, role, size=more),
        )

    def close(self) -> None:
        """End every connection, waiting for none."""
        self.shared.close()
        self.single.close()
        self.transactions.close()
