"""The ticks that have been run, in `monynha.schedule_runs`: a tick and its job are one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from monynha.core.actor import system_actor
from monynha.core.serialization import format_timestamp, parse_timestamp
from monynha.infra.postgres.database import Database, Transaction
from monynha.infra.queue.enqueue import enqueue
from monynha.infra.schedules.schedule import Schedule

_SCHEDULER = system_actor("scheduler")
"""The actor whom the policies let read and write the runs."""
# Ticks in the future are those of a clock that was wrong: they must not keep the schedule from running until then.
_LAST_TICKS_SQL = """
select schedule, max(tick) as tick from monynha.schedule_runs
where schedule = any ($1::text[]) and tick <= $2 group by schedule
"""
_LAST_RUNS_SQL = """
select distinct on (schedule) schedule, tick, job_id, enqueued_at from monynha.schedule_runs
where schedule = any ($1::text[]) and job_id is not null order by schedule, tick desc
"""
_START_SQL = "insert into monynha.schedule_runs (schedule, tick) values ($1, $2) on conflict do nothing"
# Whoever inserts the tick enqueues its job; the others wait for the row, and insert nothing.
_CLAIM_SQL = f"{_START_SQL} returning true"
_COMPLETE_SQL = """
update monynha.schedule_runs set job_id = $3, enqueued_at = clock_timestamp() where schedule = $1 and tick = $2
"""
_MAX_ATTEMPTS = 10
"""With the pauses between them the attempts last 40 minutes: longer than a restart of a server."""


@dataclass(frozen=True, slots=True)
class TickPayload:
    """The payload of a schedule's job: its tick, an RFC 3339 time in UTC."""

    tick: str

    @property
    def time(self) -> datetime:
        """The tick as a time; ValueError for a payload that no schedule wrote."""
        return parse_timestamp(self.tick)


@dataclass(frozen=True, slots=True)
class ScheduleRun:
    """The latest run of a schedule."""

    tick: datetime
    job_id: UUID
    enqueued_at: datetime


@dataclass(frozen=True)
class ScheduleRuns:
    """Reads and writes the runs of schedules, as the scheduler."""

    database: Database

    async def fetch_last_ticks(self, names: Iterable[str], now: datetime) -> dict[str, datetime]:
        """Return the latest tick up to `now` by schedule; one that was never started is missing."""
        async with self.database.as_actor(_SCHEDULER).transaction() as transaction:
            rows = await transaction.fetch_rows(_LAST_TICKS_SQL, list(names), now)
        return {row["schedule"]: row["tick"] for row in rows}

    async def fetch_last_runs(self, names: Iterable[str]) -> dict[str, ScheduleRun]:
        """Return the latest run by schedule; one that has not run is missing."""
        async with self.database.as_actor(_SCHEDULER).transaction() as transaction:
            rows = await transaction.fetch_rows(_LAST_RUNS_SQL, list(names))
        return {row["schedule"]: ScheduleRun(row["tick"], row["job_id"], row["enqueued_at"]) for row in rows}

    async def start(self, schedule: Schedule, tick: datetime) -> None:
        """Record where a new schedule starts: the tick counts as run, without a job."""
        async with self.database.as_actor(_SCHEDULER).transaction() as transaction:
            await transaction.execute(_START_SQL, schedule.name, tick)

    async def run_tick(self, schedule: Schedule, tick: datetime) -> bool:
        """Record the tick and enqueue its job; return False if another scheduler has done so."""
        async with self.database.as_actor(_SCHEDULER).transaction() as transaction:
            if not await transaction.fetch_value(_CLAIM_SQL, schedule.name, tick):
                return False
            job_id = await _enqueue(transaction, schedule, tick)
            await transaction.execute(_COMPLETE_SQL, schedule.name, tick, job_id)
            return True

    async def enqueue_now(self, schedule: Schedule, tick: datetime) -> UUID:
        """Enqueue the job of a tick by hand, whether or not it has run; return the id of the job."""
        async with self.database.as_actor(_SCHEDULER).transaction() as transaction:
            return await _enqueue(transaction, schedule, tick)


async def _enqueue(transaction: Transaction, schedule: Schedule, tick: datetime) -> UUID:
    text = format_timestamp(tick)
    return await enqueue(
        transaction,
        schedule.queue,
        TickPayload(text),
        dedup_key=f"{schedule.name} {text}",
        max_attempts=_MAX_ATTEMPTS,
    )
