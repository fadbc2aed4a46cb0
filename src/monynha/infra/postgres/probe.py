"""The probe of the database: one small transaction each second, which tells whether it responds.

A database that is away says so at once. One that hangs does not: it counts as away five seconds after the last probe
that completed, and whoever asks meanwhile does not hang with it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

_log = structlog.get_logger("monynha.postgres")
_INTERVAL_S = 1.0
_ANSWER_AFTER_S = 1.0
"""How long a question waits for the probe that is under way."""
_MAX_AGE_S = 5.0


class DatabaseProbe:
    """Probes the database in the background; it must respond when the probe is made."""

    def __init__(self, check: Callable[[], Awaitable[bool]], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._check = check
        self._clock = clock
        self._responded_at = clock()
        self._loop_task: asyncio.Task[None] | None = None
        self._current: asyncio.Task[bool] | None = None

    def start(self) -> None:
        """Begin to probe each second."""
        self._loop_task = asyncio.create_task(self._run())

    def stop(self) -> None:
        """End probing."""
        for task in (self._loop_task, self._current):
            if task is not None:
                task.cancel()

    async def is_responding(self) -> bool:
        """Whether the database responds; while it does not say, whether it did within the last 5 seconds."""
        current = self._begin()
        await asyncio.wait({current}, timeout=_ANSWER_AFTER_S)
        if current.done() and not current.cancelled():
            return current.result()
        return self._clock() - self._responded_at <= _MAX_AGE_S

    async def _run(self) -> None:
        while True:
            await asyncio.wait({self._begin()})
            await asyncio.sleep(_INTERVAL_S)

    def _begin(self) -> asyncio.Task[bool]:
        """Return the probe that is under way, or a new one."""
        if self._current is None or self._current.done():
            self._current = asyncio.create_task(self._probe())
        return self._current

    async def _probe(self) -> bool:
        try:
            async with asyncio.timeout(_MAX_AGE_S):
                has_responded = await self._check()
        # Whatever it is that is wrong, the database has not responded.
        except Exception as error:
            _log.debug("probe failed", err={"type": type(error).__name__})
            return False
        if has_responded:
            self._responded_at = self._clock()
        return has_responded
