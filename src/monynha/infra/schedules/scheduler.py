"""Enqueues the jobs of schedules when they are due; any number of schedulers may run at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from monynha.core.clock import Clock, utc_now
from monynha.infra.schedules.schedule import Schedule
from monynha.infra.schedules.schedule_runs import ScheduleRuns

_log = structlog.get_logger("monynha.scheduler")

MAX_PAUSE_S = 30.0
"""How long a scheduler sleeps at most: it may not know that the clock was set."""
_MIN_PAUSE_S = 0.05


@dataclass(frozen=True)
class Scheduler:
    """Runs schedules by a clock."""

    runs: ScheduleRuns
    schedules: Sequence[Schedule]
    clock: Clock = utc_now

    async def run(self) -> None:
        """Enqueue what is due until cancelled; a database that is away is asked again."""
        while True:
            try:
                await self.run_due()
            except Exception as error:
                # Whatever it is: a loop that ended would run no schedule again until the program is restarted.
                _log.warning("schedules could not be run", err={"type": type(error).__name__})
            await asyncio.sleep(self._pause_s())

    async def run_due(self) -> list[tuple[str, datetime]]:
        """Enqueue the jobs of all ticks that are due; return the schedules and ticks that this scheduler ran.

        A schedule that is new here starts at its latest tick, which is not run.
        """
        now = self.clock()
        last_ticks = await self.runs.fetch_last_ticks([schedule.name for schedule in self.schedules], now)
        enqueued: list[tuple[str, datetime]] = []
        for schedule in self.schedules:
            last_tick = last_ticks.get(schedule.name)
            if last_tick is None:
                await self.runs.start(schedule, schedule.latest_tick(now))
                continue
            for tick in schedule.due_ticks(last_tick, now):
                if await self.runs.run_tick(schedule, tick):
                    enqueued.append((schedule.name, tick))
        return enqueued

    def _pause_s(self) -> float:
        now = self.clock()
        pauses_s = [(schedule.next_tick(now) - now).total_seconds() for schedule in self.schedules]
        return max(_MIN_PAUSE_S, min([MAX_PAUSE_S, *pauses_s]))
