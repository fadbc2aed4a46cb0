"""Schedulers: each tick has one job, whatever runs, dies, is late or has a wrong clock."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from monynha.core.actor import ANONYMOUS, system_actor
from monynha.infra.postgres.database import Database, Transaction
from monynha.infra.postgres.errors import ConstraintViolationError
from monynha.infra.queue.enqueue import enqueue
from monynha.infra.queue.job_store import JobStore
from monynha.infra.schedules import CatchUp, Schedule, Scheduler, ScheduleRuns, schedule_runs
from tests.conditions import TIMEOUT_S
from tests.live_server import OwnerSql

pytestmark = pytest.mark.anyio

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
JOBS = "select payload ->> 'tick' as tick, state, max_attempts from monynha.jobs where queue = $1 order by 1"


@dataclass
class Machine:
    """A clock that is set by hand."""

    now: datetime = START

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now


@dataclass
class Setup:
    """A daily schedule at 02:00 of its own, which no worker handles, and the schedulers that run it."""

    database: Database
    owner_sql: OwnerSql
    clock: Machine = field(default_factory=Machine)
    name: str = field(default_factory=lambda: f"test-{uuid4()}")

    def schedule(self, catch_up: CatchUp = CatchUp.LATEST) -> Schedule:
        """Return the schedule."""
        return Schedule(self.name, "0 2 * * *", self.name, "A test.", catch_up)

    def scheduler(self, catch_up: CatchUp = CatchUp.LATEST) -> Scheduler:
        """Return another scheduler."""
        return Scheduler(ScheduleRuns(self.database), (self.schedule(catch_up),), self.clock)

    async def run_at(self, now: datetime, catch_up: CatchUp = CatchUp.LATEST) -> list[str]:
        """Run a new scheduler once at a time, and return the ticks that it enqueued."""
        self.clock.now = now
        return [f"{tick:%m-%d %H:%M}" for _, tick in await self.scheduler(catch_up).run_due()]

    async def jobs(self) -> list[str]:
        """Return the ticks of all jobs."""
        return [row["tick"] for row in await self.owner_sql(JOBS, self.name)]


@pytest.fixture
def setup(database: Database, owner_sql: OwnerSql) -> Setup:
    return Setup(database, owner_sql)


def november(day: int, hour: int = 12) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


async def test_a_new_schedule_starts_with_its_next_tick(setup: Setup) -> None:
    assert await setup.run_at(november(23)) == []
    assert await setup.run_at(november(24, 1)) == []
    assert await setup.run_at(november(24, 2)) == ["11-24 02:00"]
    assert await setup.run_at(november(24, 3)) == []
    assert await setup.jobs() == ["2026-11-24T02:00:00.000000Z"]


async def test_twenty_schedulers_at_once_enqueue_one_job(setup: Setup) -> None:
    await setup.run_at(november(23))
    setup.clock.now = november(24)

    enqueued = await asyncio.gather(*(setup.scheduler().run_due() for _ in range(20)))

    assert sum(map(len, enqueued)) == 1
    assert await setup.jobs() == ["2026-11-24T02:00:00.000000Z"]


async def test_after_three_days_of_downtime_one_job_makes_up_for_all(setup: Setup) -> None:
    await setup.run_at(november(23))

    assert await setup.run_at(november(26)) == ["11-26 02:00"]
    assert await setup.run_at(november(26, 13)) == []
    assert await setup.run_at(november(27, 2)) == ["11-27 02:00"]


async def test_a_schedule_that_needs_every_tick_gets_a_job_for_each(setup: Setup) -> None:
    await setup.run_at(november(23), CatchUp.EVERY)
    setup.clock.now = november(26)

    enqueued = await asyncio.gather(*(setup.scheduler(CatchUp.EVERY).run_due() for _ in range(5)))

    assert sum(map(len, enqueued)) == 3
    assert await setup.jobs() == [f"2026-11-{day}T02:00:00.000000Z" for day in (24, 25, 26)]


async def test_a_clock_that_goes_backwards_repeats_no_tick(setup: Setup) -> None:
    await setup.run_at(november(23))
    await setup.run_at(november(24))

    assert await setup.run_at(november(23, 13)) == []
    assert await setup.run_at(november(24, 2)) == []
    assert await setup.run_at(november(24, 4)) == []
    assert await setup.run_at(november(25)) == ["11-25 02:00"]


async def test_a_clock_that_was_years_ahead_does_not_stop_the_schedule(setup: Setup) -> None:
    await setup.run_at(november(23))
    await setup.run_at(november(23) + timedelta(days=3650))

    assert await setup.run_at(november(24)) == ["11-24 02:00"]
    assert await setup.run_at(november(25)) == ["11-25 02:00"]


async def test_a_scheduler_that_is_killed_before_the_job_exists_leaves_the_tick_to_others(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    await setup.run_at(november(23))

    async def die(*_: object, **__: object) -> UUID:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(schedule_runs, "enqueue", die)
        with pytest.raises(KeyboardInterrupt):
            await setup.run_at(november(24))

    assert await setup.jobs() == []
    assert await setup.run_at(november(24)) == ["11-24 02:00"]


async def test_the_tick_and_its_job_are_committed_together(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    await setup.run_at(november(23))
    seen: list[Sequence[Any]] = []

    async def enqueue_and_look(transaction: Transaction, *args: Any, **options: Any) -> UUID:
        job_id = await enqueue(transaction, *args, **options)
        seen.append(
            await setup.owner_sql(
                "select from monynha.schedule_runs where schedule = $1 and tick > $2", setup.name, START
            )
        )
        seen.append(await setup.jobs())
        return job_id

    monkeypatch.setattr(schedule_runs, "enqueue", enqueue_and_look)
    await setup.run_at(november(24))

    assert seen == [[], []]
    runs = await ScheduleRuns(setup.database).fetch_last_runs([setup.name])
    jobs = await setup.owner_sql("select id from monynha.jobs where queue = $1", setup.name)
    assert [runs[setup.name].job_id] == [row["id"] for row in jobs]


async def test_the_loop_runs_a_tick_when_it_comes_and_survives_a_database_that_is_away(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    from monynha.core.errors import UnavailableError

    await setup.run_at(november(23))
    scheduler = setup.scheduler()
    failures = 0
    fetch_last_ticks = ScheduleRuns.fetch_last_ticks

    async def fail_first(runs: ScheduleRuns, names: Sequence[str], now: datetime) -> dict[str, datetime]:
        nonlocal failures
        if failures < 2:
            failures += 1
            raise UnavailableError()
        return await fetch_last_ticks(runs, names, now)

    monkeypatch.setattr(ScheduleRuns, "fetch_last_ticks", fail_first)
    setup.clock.now = november(24, 2) - timedelta(milliseconds=1)
    task = asyncio.create_task(scheduler.run())
    try:
        async with asyncio.timeout(TIMEOUT_S):
            while failures < 2:
                await asyncio.sleep(0.01)
            setup.clock.now = november(24, 2)
            while not await setup.jobs():
                await asyncio.sleep(0.01)
    finally:
        task.cancel()

    assert await setup.jobs() == ["2026-11-24T02:00:00.000000Z"]


async def test_a_job_by_hand_is_not_counted_as_the_tick(setup: Setup) -> None:
    await setup.run_at(november(23))
    runs, schedule = ScheduleRuns(setup.database), setup.schedule()

    first = await runs.enqueue_now(schedule, november(23, 2))
    second = await runs.enqueue_now(schedule, november(23, 2))

    assert first == second
    assert await runs.fetch_last_runs([setup.name]) == {}
    assert await setup.run_at(november(24)) == ["11-24 02:00"]
    assert await setup.jobs() == ["2026-11-23T02:00:00.000000Z", "2026-11-24T02:00:00.000000Z"]


async def test_jobs_of_schedules_outlast_a_restart(setup: Setup) -> None:
    await setup.run_at(november(23))
    await setup.run_at(november(24))

    jobs = await setup.owner_sql(JOBS, setup.name)

    assert [(row["state"], row["max_attempts"]) for row in jobs] == [("ready", 10)]


async def test_a_worker_that_is_killed_before_the_work_leaves_it_to_another(setup: Setup) -> None:
    await setup.run_at(november(23))
    await setup.run_at(november(24))
    killed, other = JobStore(setup.database, uuid4()), JobStore(setup.database, uuid4())

    [lost] = await killed.claim([setup.name], 1, lease=timedelta(milliseconds=1))
    async with asyncio.timeout(TIMEOUT_S):
        while not (taken_over := await other.claim([setup.name], 1, lease=timedelta(minutes=1))):
            await other.recover()

    assert [(job.id, job.payload, job.attempt) for job in taken_over] == [
        (lost.id, {"tick": "2026-11-24T02:00:00.000000Z"}, 2)
    ]


@pytest.mark.parametrize("name", ["jobs", "auth", "hub"])
async def test_no_other_part_of_the_program_sees_or_writes_runs(setup: Setup, name: str) -> None:
    await setup.run_at(november(23))
    connection = setup.database.as_actor(system_actor(name))

    async with connection.transaction() as transaction:
        rows = await transaction.fetch_rows("select schedule from monynha.schedule_runs")
    with pytest.raises(ConstraintViolationError) as refused:
        async with connection.transaction() as transaction:
            await transaction.execute("insert into monynha.schedule_runs (schedule, tick) values ('a', now())")

    assert rows == []
    assert refused.value.is_permission_denied


async def test_no_user_sees_runs(setup: Setup) -> None:
    with pytest.raises(ConstraintViolationError) as refused:
        async with setup.database.as_actor(ANONYMOUS).transaction() as transaction:
            await transaction.fetch_rows("select schedule from monynha.schedule_runs")

    assert refused.value.is_permission_denied
