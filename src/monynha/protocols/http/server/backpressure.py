"""Waiting for a peer to read what it was sent, shared by HTTP responses, WebSockets and event streams."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class DrainEvent:
    """An event that is allocated on first use: most of ten thousand connections never wait."""

    _event: asyncio.Event | None = field(default=None, init=False)

    async def wait(self, timeout_s: float) -> bool:
        """Wait for `set`; return False on timeout."""
        self._event = self._event or asyncio.Event()
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            return False
        return True

    def set(self) -> None:
        """Resume everything that waits."""
        if self._event is not None:
            self._event.set()
            self._event = None
