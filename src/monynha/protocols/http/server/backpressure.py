"""Waiting until the other side has taken what it was sent."""

from __future__ import annotations

import asyncio


class DrainEvent:
    """Where those wait who would send more than the other side takes."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        # Most never wait, and there are ten thousand of them.
        self._event: asyncio.Event | None = None

    async def wait(self, timeout_s: float) -> bool:
        """Return once it has taken most of it, and whether that was in time."""
        self._event = self._event or asyncio.Event()
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            return False
        return True

    def set(self) -> None:
        """Let everybody go on."""
        if self._event is not None:
            self._event.set()
            self._event = None
