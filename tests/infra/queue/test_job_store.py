"""The statements of workers: in which order jobs are claimed, by whom, and what an outcome does to a job."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from monynha.infra.postgres.database import Database
from monynha.infra.queue.job_store import WORKER_ACTOR, ClaimedJob, JobOutcome, JobStore, RecordedOutcome
from tests.infra.queue.conftest import JobQueue

pytestmark = pytest.mark.anyio

LEASE = timedelta(minutes=1)
ENDED = timedelta(seconds=-1)
"""A lease that has ended when it begins, as that of a worker which was killed a while ago."""


@pytest.fixture
def store(database: Database) -> JobStore:
    """Return the jobs as a worker sees them."""
    return JobStore(database, uuid4())


async def claim(store: JobStore, queue: JobQueue, count: int = 1, *, lease: timedelta = LEASE) -> list[ClaimedJob]:
    return await store.claim([queue.name], count, lease=lease)


async def finish(store: JobStore, job: ClaimedJob, outcome: JobOutcome, **values: Any) -> int:
    return await store.record([RecordedOutcome(job.id, job.attempt, outcome, **values)])


async def test_jobs_are_claimed_by_priority_and_then_by_time(store: JobStore, queue: JobQueue) -> None:
    late = await queue.enqueue(priority=-1)
    second = await queue.enqueue(delay=timedelta(milliseconds=2))
    first = await queue.enqueue(priority=5)
    third = await queue.enqueue(delay=timedelta(milliseconds=4))
    await queue.enqueue(priority=9, delay=timedelta(hours=1))
    await asyncio.sleep(0.01)

    claimed = [(await claim(store, queue))[0].id for _ in range(4)]

    assert claimed == [first, second, third, late]
    assert await claim(store, queue) == []


async def test_one_claim_takes_jobs_of_several_queues_and_priorities(store: JobStore, queue: JobQueue) -> None:
    other = JobQueue(f"test-{uuid4()}", queue.database, queue.owner_sql)
    expected = {await queue.enqueue(), await queue.enqueue(priority=1), await other.enqueue()}
    await queue.enqueue(priority=-1)

    claimed = await store.claim([queue.name, "test-empty", other.name], 3, lease=LEASE)

    assert {job.id for job in claimed} == expected
    assert {job.queue for job in claimed} == {queue.name, other.name}


async def test_racing_workers_claim_each_job_once(database: Database, queue: JobQueue) -> None:
    jobs = {await queue.enqueue(number) for number in range(60)}
    stores = [JobStore(database, uuid4()) for _ in range(6)]

    async def claim_all(store: JobStore) -> list[UUID]:
        claimed: list[UUID] = []
        while batch := await claim(store, queue, 4):
            claimed += [job.id for job in batch]
        return claimed

    by_worker = await asyncio.gather(*map(claim_all, stores))
    # A claim that meets only jobs which others are claiming returns none, so some may be left.
    rest = [job.id for job in await claim(stores[0], queue, 100)]

    claimed = [*rest, *(id for ids in by_worker for id in ids)]
    assert len(claimed) == len(set(claimed))
    assert set(claimed) == jobs


async def test_failed_attempts_wait_5_and_10_seconds_and_the_third_is_the_last(
    store: JobStore, queue: JobQueue
) -> None:
    job_id = await queue.enqueue()
    waits: list[float] = []
    for number in (1, 2, 3):
        await queue.make_due()
        [job] = await claim(store, queue)
        before = datetime.now(UTC)
        await finish(store, job, "failed", error=f"failure {number}")
        row = await queue.row(job_id)
        waits.append((row["run_at"] - before).total_seconds())

    assert [round(wait) for wait in waits[:2]] == [5, 10]
    assert (row["state"], row["attempts"], row["last_error"]) == ("dead", 3, "failure 3")
    assert row["finished_at"] is not None
    await queue.make_due()
    assert await claim(store, queue) == []


async def test_a_job_may_be_enqueued_with_another_number_of_attempts(store: JobStore, queue: JobQueue) -> None:
    await queue.enqueue(max_attempts=1)
    [job] = await claim(store, queue)
    await finish(store, job, "failed")

    assert [row["state"] for row in await queue.rows()] == ["dead"]


async def test_an_attempt_that_is_given_back_does_not_count(store: JobStore, queue: JobQueue) -> None:
    await queue.enqueue(max_attempts=1)
    [first] = await claim(store, queue)
    await finish(store, first, "released")
    [second] = await claim(store, queue)

    assert (first.attempt, second.attempt) == (1, 1)


@pytest.mark.parametrize("outcome", ["completed", "failed", "dead", "released"])
async def test_a_late_worker_cannot_end_a_job_that_was_taken_over(
    outcome: JobOutcome, database: Database, store: JobStore, queue: JobQueue
) -> None:
    await queue.enqueue()
    [late] = await claim(store, queue, lease=ENDED)
    await store.recover()
    successor = JobStore(database, uuid4())
    [job] = await claim(successor, queue)

    recorded_late = await finish(store, late, outcome, result="late")
    held_late = await store.extend_leases([(late.id, late.attempt, 50)], lease=LEASE)
    recorded = await finish(successor, job, "completed", result="in time")

    assert (job.id, job.attempt) == (late.id, 2)
    assert (recorded_late, held_late, recorded) == (0, set(), 1)
    [row] = await queue.rows()
    assert (row["state"], row["result"]) == ("completed", '"in time"')


async def test_the_same_worker_cannot_end_an_earlier_attempt_of_its_own(store: JobStore, queue: JobQueue) -> None:
    await queue.enqueue()
    [first] = await claim(store, queue, lease=ENDED)
    await store.recover()
    [second] = await claim(store, queue)

    assert await finish(store, first, "completed") == 0
    assert await finish(store, second, "completed") == 1
    assert await finish(store, second, "failed") == 0


async def test_a_job_whose_worker_was_killed_three_times_is_dead(store: JobStore, queue: JobQueue) -> None:
    job_id = await queue.enqueue()
    for _ in range(3):
        assert len(await claim(store, queue, lease=ENDED)) == 1
        await store.recover()

    row = await queue.row(job_id)
    assert (row["state"], row["attempts"]) == ("dead", 3)
    assert row["last_error"] == "The worker stopped responding before the job was finished."


async def test_a_lease_that_is_extended_keeps_the_job_and_stores_its_progress(store: JobStore, queue: JobQueue) -> None:
    job_id = await queue.enqueue()
    [job] = await claim(store, queue, lease=ENDED)

    held = await store.extend_leases([(job.id, job.attempt, 40)], lease=LEASE)
    await store.recover()

    row = await queue.row(job_id)
    assert held == {job_id}
    assert (row["state"], row["progress"]) == ("active", 40)


async def test_outcomes_of_many_jobs_are_recorded_at_once(store: JobStore, queue: JobQueue) -> None:
    for number in range(4):
        await queue.enqueue(number)
    jobs = sorted(await claim(store, queue, 4), key=lambda job: str(job.payload))
    outcomes: list[JobOutcome] = ["completed", "failed", "dead", "released"]

    recorded = await store.record(
        RecordedOutcome(job.id, job.attempt, outcome, result={"is": outcome}, error=None)
        for job, outcome in zip(jobs, outcomes, strict=True)
    )

    assert recorded == 4
    states = {row["id"]: (row["state"], row["result"]) for row in await queue.rows()}
    assert [states[job.id] for job in jobs] == [
        ("completed", '{"is": "completed"}'),
        ("ready", None),
        ("dead", None),
        ("ready", None),
    ]


async def test_ended_jobs_are_deleted_by_state_and_age(store: JobStore, queue: JobQueue) -> None:
    old, young, dead, waiting = [await queue.enqueue(number) for number in range(4)]
    for job in await claim(store, queue, 3):
        await finish(store, job, "dead" if job.id == dead else "completed")
    await queue.owner_sql(
        "update monynha.jobs set created_at = now() - interval '9 days', finished_at = case when id = $2 "
        "then finished_at when state = 'ready' then null else now() - interval '8 days' end where queue = $1",
        queue.name,
        young,
    )

    limit = datetime.now(UTC) - timedelta(days=7)
    while await store.delete_ended(["completed", "cancelled"], limit, max_jobs=10) == 10:
        pass
    kept = {row["id"] for row in await queue.rows()}
    while await store.delete_ended(["dead"], limit, max_jobs=10) == 10:
        pass

    assert kept == {young, dead, waiting}
    assert {row["id"] for row in await queue.rows()} == {young, waiting}
    assert old not in kept


async def test_jobs_that_are_done_or_delayed_cost_a_claim_nothing(
    store: JobStore, queue: JobQueue, database: Database
) -> None:
    await queue.owner_sql(
        "insert into monynha.jobs (queue, payload, state, priority, run_at, finished_at) select $1, '{}', "
        "case when n % 2 = 0 then 'completed' else 'ready' end, n % 3, now() + interval '1 day', now() "
        "from generate_series(1, 20000) n",
        queue.name,
    )
    await queue.owner_sql("analyze monynha.jobs")
    job_id = await queue.enqueue()

    async with database.as_actor(WORKER_ACTOR).transaction() as transaction:
        claimed = await transaction.fetch_rows(
            "select id from monynha.claim_jobs($1, array[$2], 10, '1 min')", uuid4(), queue.name
        )
        read = await transaction.fetch_row(
            "select seq_tup_read, idx_tup_fetch from pg_stat_xact_all_tables where relid = 'monynha.jobs'::regclass"
        )
    await queue.owner_sql("delete from monynha.jobs where queue = $1", queue.name)

    assert [row["id"] for row in claimed] == [job_id]
    assert read is not None
    assert read["seq_tup_read"] == 0
    assert read["idx_tup_fetch"] < 50
