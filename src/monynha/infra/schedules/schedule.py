"""A schedule: when its job is due, and which of the times that were missed are made up for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from itertools import islice, takewhile

from cronsim import CronSim

MAX_TICKS = 100
"""How many missed ticks are made up for at most, the latest: a clock that was wrong may have missed thousands."""


class CatchUp(Enum):
    """Which of the ticks that passed while no scheduler ran are made up for."""

    LATEST = "latest"
    """The latest alone: one job does the work of all of them."""
    EVERY = "every"
    """Each: a job does the work of its own tick only."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A job that is enqueued at fixed times, its ticks.

    `cron` is a cron expression of five fields, in UTC, so that daylight saving time changes nothing.
    """

    name: str
    cron: str
    queue: str
    description: str
    catch_up: CatchUp = CatchUp.LATEST

    def latest_tick(self, now: datetime) -> datetime:
        """Return the latest tick at or before `now`."""
        return next(self._ticks_until(now))

    def next_tick(self, now: datetime) -> datetime:
        """Return the first tick after `now`."""
        return next(CronSim(self.cron, _truncate(now)))

    def due_ticks(self, last_tick: datetime, now: datetime) -> list[datetime]:
        """Return the ticks after `last_tick` and not after `now` for which a job is enqueued, oldest first."""
        limit = 1 if self.catch_up is CatchUp.LATEST else MAX_TICKS
        latest_first = takewhile(lambda tick: tick > last_tick, self._ticks_until(now))
        return list(islice(latest_first, limit))[::-1]

    def _ticks_until(self, moment: datetime) -> Iterator[datetime]:
        """Return the ticks at and before a moment, the latest first."""
        return CronSim(self.cron, _truncate(moment) + timedelta(seconds=1), reverse=True)


def _truncate(moment: datetime) -> datetime:
    """Return the moment in UTC without its microseconds; every tick is at a full minute."""
    return moment.astimezone(UTC).replace(microsecond=0)
