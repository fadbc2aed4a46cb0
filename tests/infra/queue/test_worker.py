"""The worker: every job is done, by one worker at a time, and again if the worker stops."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from monynha.core.actor import system_actor
from monynha.infra.embedded import ServerUrls
from monynha.infra.postgres.database import Database
from monynha.infra.queue.job import Job, JobHandler, Json, PermanentJobError
from monynha.infra.queue.job_store import ClaimedJob, JobStore, RecordedOutcome
from monynha.infra.queue.worker import Worker, WorkerOptions
from tests.conditions import SOON_S, wait_until
from tests.infra.queue.conftest import JobQueue, NumberedPayload
from tests.infra.queue.postgres_proxy import run_proxy

pytestmark = pytest.mark.anyio

QUICK = WorkerOptions(poll_interval_s=0.05, heartbeat_interval_s=0.05, stop_timeout_s=0.2)
NEVER = 3600.0


class SlowHandler:
    """A handler whose jobs take until they are let go, and which notes what happens to them."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.ended: list[int] = []
        self.interrupted: list[int] = []
        self.let_go = asyncio.Event()

    async def handle(self, job: Job[NumberedPayload]) -> Json:
        self.begun.append(job.payload.number)
        try:
            await self.let_go.wait()
        except asyncio.CancelledError:
            self.interrupted.append(job.payload.number)
            raise
        self.ended.append(job.payload.number)
        return {"number": job.payload.number}


@pytest.fixture
def slow() -> SlowHandler:
    """Return a handler whose jobs take until they are let go."""
    return SlowHandler()


async def test_a_job_is_done_with_its_payload_and_its_result_is_stored(queue: JobQueue) -> None:
    job_id = await queue.enqueue(7)
    async with queue.worker():
        [row] = await queue.wait_for_states("completed")

    assert [(job.id, job.payload.number, job.attempt) for job in queue.done] == [(job_id, 7, 1)]
    assert (row["id"], row["result"], row["progress"]) == (job_id, '{"number": 7}', 100)


async def test_jobs_that_nobody_reports_are_taken_by_the_poll(queue: JobQueue) -> None:
    async with queue.worker(options=WorkerOptions(stop_timeout_s=0.2)):
        await asyncio.sleep(0.1)
        await queue.owner_sql("select monynha.enqueue_job($1, '{}')", queue.name)
        async with asyncio.timeout(SOON_S):
            await queue.wait_for_states("completed")


async def test_a_worker_that_is_woken_does_not_wait_for_the_poll(queue: JobQueue) -> None:
    options = WorkerOptions(poll_interval_s=NEVER, stop_timeout_s=0.2)
    async with queue.worker(options=options) as worker:
        await asyncio.sleep(0.05)
        await queue.enqueue()
        worker.wake()
        await queue.wait_for_states("completed")


async def test_each_job_that_comes_alone_is_begun_at_once(queue: JobQueue) -> None:
    """The runner of the job before may have ended in the same moment in which the next one was claimed."""
    options = WorkerOptions(concurrency=1, poll_interval_s=NEVER, heartbeat_interval_s=NEVER, stop_timeout_s=0.2)
    async with queue.worker(options=options) as worker:
        for number in range(1, 101):
            await queue.enqueue(number)
            worker.wake()
            await wait_until(lambda number=number: len(queue.done) == number)  # type: ignore[misc]  # mypy: no default in lambdas


async def test_thousands_of_short_jobs_are_done_once_by_several_workers(queue: JobQueue) -> None:
    count = 3000
    await queue.owner_sql(
        "select monynha.enqueue_jobs($1, array(select jsonb_build_object('number', n) from generate_series(1, $2) n))",
        queue.name,
        count,
    )
    async with queue.worker(), queue.worker(), queue.worker():
        await wait_until(lambda: len(queue.done) >= count)
        await queue.wait_for_states(*["completed"] * count)

    assert Counter(job.payload.number for job in queue.done) == Counter(range(1, count + 1))


async def test_so_many_jobs_run_at_once_as_is_set_and_others_are_left_to_other_workers(
    queue: JobQueue, slow: SlowHandler
) -> None:
    for number in range(6):
        await queue.enqueue(number)
    options = WorkerOptions(concurrency=2, poll_interval_s=0.02, stop_timeout_s=0.2)
    async with queue.worker(slow.handle, options=options):
        await wait_until(lambda: len(slow.begun) == 2)
        await asyncio.sleep(0.2)
        states = Counter(row["state"] for row in await queue.rows())
        begun = list(slow.begun)
        slow.let_go.set()
        await queue.wait_for_states(*["completed"] * 6)

    assert len(begun) == 2
    assert states == {"active": 2, "ready": 4}


async def test_a_job_that_fails_is_tried_three_times_with_the_same_id(queue: JobQueue) -> None:
    attempts: list[tuple[UUID, int]] = []

    async def fail(job: Job[NumberedPayload]) -> Json:
        attempts.append((job.id, job.attempt))
        raise RuntimeError

    job_id = await queue.enqueue()
    async with queue.worker(fail, options=QUICK):
        for count in (1, 2, 3):
            await wait_until(lambda count=count: len(attempts) == count)  # type: ignore[misc]  # mypy: no default in lambdas
            await queue.wait_for_states("dead" if count == 3 else "ready")
            await queue.make_due()
        await asyncio.sleep(0.2)

    assert attempts == [(job_id, 1), (job_id, 2), (job_id, 3)]


async def test_a_permanent_error_makes_a_job_dead_at_once(queue: JobQueue) -> None:
    async def refuse(job: Job[NumberedPayload]) -> Json:
        raise PermanentJobError("It cannot work.")

    await queue.enqueue()
    async with queue.worker(refuse):
        [row] = await queue.wait_for_states("dead")

    assert (row["attempts"], row["last_error"]) == (1, "It cannot work.")


async def test_progress_is_stored_while_a_job_runs(queue: JobQueue, slow: SlowHandler) -> None:
    async def report(job: Job[NumberedPayload]) -> Json:
        job.report_progress(40)
        return await slow.handle(job)

    job_id = await queue.enqueue()
    async with queue.worker(report, options=QUICK):
        async with asyncio.timeout(SOON_S):
            while (await queue.row(job_id))["progress"] != 40:
                await asyncio.sleep(0.02)


async def test_a_job_that_is_cancelled_while_it_runs_is_interrupted_at_once(
    queue: JobQueue, slow: SlowHandler, database: Database
) -> None:
    options = WorkerOptions(poll_interval_s=NEVER, heartbeat_interval_s=NEVER, stop_timeout_s=0.2)
    job_id = await queue.enqueue(1)
    async with queue.worker(slow.handle, options=options) as worker:
        await wait_until(lambda: slow.begun == [1])
        await queue.owner_sql("select monynha.cancel_job($1)", job_id)
        worker.wake(uuid4())
        worker.wake(job_id)
        await wait_until(lambda: slow.interrupted == [1])

    [row] = await queue.rows()
    assert (row["state"], row["attempts"], row["last_error"]) == ("cancelled", 1, None)


async def test_a_job_whose_handler_ends_although_it_was_cancelled_stays_cancelled(
    queue: JobQueue, slow: SlowHandler
) -> None:
    job_id = await queue.enqueue(1)
    async with queue.worker(slow.handle, options=WorkerOptions(heartbeat_interval_s=NEVER, stop_timeout_s=0.2)):
        await wait_until(lambda: slow.begun == [1])
        await queue.owner_sql("select monynha.cancel_job($1)", job_id)
        slow.let_go.set()
        await wait_until(lambda: slow.ended == [1])

    [row] = await queue.rows()
    assert (row["state"], row["result"]) == ("cancelled", None)


async def test_a_handler_that_hangs_does_not_hold_up_other_jobs(queue: JobQueue) -> None:
    async def hang_first(job: Job[NumberedPayload]) -> Json:
        if job.payload.number == 0:
            await asyncio.Event().wait()
        return None

    for number in range(5):
        await queue.enqueue(number)
    options = WorkerOptions(concurrency=1, poll_interval_s=0.05, stop_timeout_s=0.2)
    async with queue.worker(hang_first, options=options, timeout_s=0.1):
        rows = await queue.wait_for_states("ready", *["completed"] * 4)

    assert rows[0]["last_error"] == "The attempt took longer than 0.1 seconds."


async def test_a_handler_that_ignores_the_end_of_its_time_loses_its_job_to_another_worker(
    queue: JobQueue, slow: SlowHandler
) -> None:
    async def ignore_cancellation(job: Job[NumberedPayload]) -> Json:
        while not slow.let_go.is_set():
            with suppress(asyncio.CancelledError):
                await slow.let_go.wait()
        return "late"

    job_id = await queue.enqueue()
    # One job at once: its handler, which never returns, keeps the first worker from claiming the job again.
    options = WorkerOptions(
        concurrency=1, lease=timedelta(seconds=0.5), poll_interval_s=0.05, heartbeat_interval_s=0.05, stop_timeout_s=0.1
    )
    async with queue.worker(ignore_cancellation, options=options, timeout_s=0.05):
        async with asyncio.timeout(SOON_S):
            while (await queue.row(job_id))["state"] != "active":
                await asyncio.sleep(0.01)
        async with queue.worker(options=options):
            await queue.wait_for_states("completed")
            slow.let_go.set()
            await asyncio.sleep(0.1)
            [row] = await queue.rows()

    assert [job.id for job in queue.done] == [job_id]
    assert queue.done[0].attempt > 1
    assert row["result"] == '{"number": 0}'


async def test_a_worker_that_stops_finishes_what_it_runs_and_gives_back_the_rest(
    queue: JobQueue, slow: SlowHandler, database: Database
) -> None:
    for number in range(3):
        await queue.enqueue(number)
    handler = JobHandler(queue.name, NumberedPayload, slow.handle)
    worker = Worker(JobStore(database, uuid4()), [handler], WorkerOptions(concurrency=2, poll_interval_s=0.02))
    worker.start()
    await wait_until(lambda: len(slow.begun) == 2)
    worker.begin_stop()
    await queue.enqueue(3)
    worker.wake()
    stopping = asyncio.create_task(worker.stop())
    await asyncio.sleep(0.1)
    slow.let_go.set()
    await stopping

    assert Counter(row["state"] for row in await queue.rows()) == {"completed": 2, "ready": 2}
    assert [row["attempts"] for row in await queue.rows() if row["state"] == "ready"] == [0, 0]
    assert len(slow.begun) == 2


async def test_a_job_that_takes_too_long_when_its_worker_stops_is_given_back(
    queue: JobQueue, slow: SlowHandler
) -> None:
    await queue.enqueue(1, max_attempts=1)
    async with queue.worker(slow.handle, options=QUICK):
        await wait_until(lambda: slow.begun == [1])

    [row] = await queue.rows()
    assert slow.interrupted == [1]
    assert (row["state"], row["attempts"], row["locked_by"]) == ("ready", 0, None)


async def test_the_jobs_of_a_worker_that_died_are_done_by_another(
    queue: JobQueue, slow: SlowHandler, database: Database
) -> None:
    for number in range(20):
        await queue.enqueue(number)
    dead = JobStore(database, uuid4())
    claimed = await dead.claim([queue.name], 10, lease=timedelta(seconds=0.5))
    async with queue.worker(options=QUICK):
        rows = await queue.wait_for_states(*["completed"] * 20)

    assert len(claimed) == 10
    assert {job.payload.number for job in queue.done} == set(range(20))
    assert Counter(row["attempts"] for row in rows) == {1: 10, 2: 10}


async def test_a_claimed_job_that_cannot_be_begun_soon_is_given_back(queue: JobQueue, slow: SlowHandler) -> None:
    async def be_quick_at_first(job: Job[NumberedPayload]) -> Json:
        return None if job.payload.number < 300 else await slow.handle(job)

    for numbers in (range(300), range(300, 340)):
        for number in numbers:
            await queue.enqueue(number)
    options = WorkerOptions(concurrency=2, poll_interval_s=NEVER, heartbeat_interval_s=0.1, stop_timeout_s=0.2)
    async with queue.worker(be_quick_at_first, options=options):
        await wait_until(lambda: len(slow.begun) == 2)
        async with asyncio.timeout(SOON_S):
            while (states := Counter(row["state"] for row in await queue.rows()))["active"] > 2:
                await asyncio.sleep(0.05)

    assert states == {"completed": 300, "active": 2, "ready": 38}


async def test_jobs_survive_an_outage_of_the_database(
    queue: JobQueue, running_servers: ServerUrls, tmp_path: Path, slow: SlowHandler
) -> None:
    async with run_proxy(running_servers.database_url, tmp_path) as proxy:
        database = await Database.open(proxy.url, size=2)
        behind_proxy = JobQueue(queue.name, database, queue.owner_sql)
        for number in range(3):
            await queue.enqueue(number)
        async with behind_proxy.worker(slow.handle, options=QUICK):
            await wait_until(lambda: len(slow.begun) == 3)
            proxy.cut()
            slow.let_go.set()
            await wait_until(lambda: len(slow.ended) == 3)
            await queue.enqueue(3)
            await asyncio.sleep(0.3)
            states = [row["state"] for row in await queue.rows()]
            proxy.join()
            await queue.wait_for_states(*["completed"] * 4)
        await database.close()

    assert states == [*["active"] * 3, "ready"]
    assert Counter(slow.begun) == {0: 1, 1: 1, 2: 1, 3: 1}


async def test_a_worker_without_handlers_asks_for_nothing(database: Database) -> None:
    worker = Worker(JobStore(database, uuid4()), [], WorkerOptions())
    worker.start()
    worker.wake()
    await worker.stop()

    assert worker._tasks == []


async def test_ended_jobs_are_deleted_when_they_are_older_than_is_set(queue: JobQueue) -> None:
    async with queue.database.as_actor(system_actor("test")).transaction() as transaction:
        await transaction.fetch_value("select monynha.enqueue_job($1, '{}')", queue.name)
    options = WorkerOptions(
        poll_interval_s=0.05, stop_timeout_s=0.2, retention=timedelta(seconds=-60), cleanup_interval_s=0.05
    )
    async with queue.worker(options=options):
        await queue.wait_for_states()

    assert len(queue.done) == 1


@dataclass(frozen=True)
class FailingStore(JobStore):
    """A store whose methods fail for the first time in the ways that are given, whatever the database does."""

    failures: list[str] = field(default_factory=list)

    async def claim(self, queues: Sequence[str], max_jobs: int, *, lease: timedelta) -> list[ClaimedJob]:
        await self._fail_if_due("claim")
        return await super().claim(queues, max_jobs, lease=lease)

    async def record(self, outcomes: Iterable[RecordedOutcome]) -> int:
        await self._fail_if_due("record")
        return await super().record(outcomes)

    async def recover(self) -> int:
        await self._fail_if_due("recover")
        return await super().recover()

    async def _fail_if_due(self, method: str) -> None:
        if f"{method} fails" in self.failures:
            self.failures.remove(f"{method} fails")
            raise RuntimeError(method)
        if f"{method} is not answered" in self.failures:
            self.failures.remove(f"{method} is not answered")
            await asyncio.Event().wait()


async def test_a_statement_that_fails_or_is_never_answered_ends_no_loop_of_the_worker(queue: JobQueue) -> None:
    failures = ["claim fails", "claim is not answered", "record is not answered", "recover fails"]
    store = FailingStore(queue.database, uuid4(), failures)
    options = WorkerOptions(
        poll_interval_s=0.05, heartbeat_interval_s=0.05, statement_timeout_s=0.2, stop_timeout_s=0.2
    )
    await queue.enqueue(1)
    worker = Worker(store, [JobHandler(queue.name, NumberedPayload, queue.record)], options)
    worker.start()
    try:
        await queue.wait_for_states("completed")
        await wait_until(lambda: not failures)
        await queue.enqueue(2)
        await queue.wait_for_states("completed", "completed")
    finally:
        await worker.stop()

    assert [job.payload.number for job in queue.done] == [1, 2]
