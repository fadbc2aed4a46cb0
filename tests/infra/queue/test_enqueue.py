"""Enqueueing: a job exists exactly when its change does, and once for each deduplication key."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from monynha.core.actor import ANONYMOUS, system_actor
from monynha.infra.postgres.database import Database
from monynha.infra.postgres.errors import ConstraintViolationError
from monynha.infra.queue.enqueue import enqueue, enqueue_many
from monynha.infra.queue.job_store import JobStore, RecordedOutcome
from tests.infra.queue.conftest import JobQueue, NumberedPayload
from tests.users import ApiUser

pytestmark = pytest.mark.anyio


async def test_a_job_is_rolled_back_with_its_change(database: Database, queue: JobQueue, user: ApiUser) -> None:
    with pytest.raises(KeyError):  # noqa: PT012  # the transaction is what is tested
        async with database.as_actor(user.actor).transaction() as transaction:
            await enqueue(transaction, queue.name, NumberedPayload(1))
            raise KeyError

    assert await queue.rows() == []


async def test_a_job_names_the_user_who_enqueued_it(queue: JobQueue, user: ApiUser) -> None:
    await queue.enqueue(actor=user.actor)
    await queue.enqueue(actor=ANONYMOUS)
    await queue.enqueue(actor=system_actor("auth"))

    assert [row["requester_id"] for row in await queue.rows()] == [user.id, None, None]


async def test_a_commit_reports_jobs_that_are_ready_but_no_delayed_ones(database: Database, queue: JobQueue) -> None:
    reports: list[str] = []
    reporting = database.with_on_commit(lambda written: reports.extend(stream.kind for stream in written))
    for delay in (timedelta(hours=1), timedelta()):
        async with reporting.as_actor(system_actor("test")).transaction() as transaction:
            await enqueue(transaction, queue.name, {}, delay=delay)
            await enqueue(transaction, queue.name, {}, delay=delay)
            before_commit = list(reports)

    assert before_commit == []
    assert reports == ["jobs"], "once for each transaction"


async def test_a_job_that_a_single_statement_enqueues_is_reported_too(database: Database, queue: JobQueue) -> None:
    reports: list[str] = []
    reporting = database.with_on_commit(lambda written: reports.extend(stream.kind for stream in written))

    await reporting.as_actor(system_actor("test")).fetch_as_system(
        "select to_json(monynha.enqueue_job($2::text, '{}'))", queue.name
    )

    assert reports == ["jobs"]


async def test_many_jobs_are_enqueued_at_once(database: Database, queue: JobQueue) -> None:
    async with database.as_actor(system_actor("test")).transaction() as transaction:
        await enqueue_many(transaction, queue.name, [NumberedPayload(n, {"secret": n}) for n in range(3)], priority=2)

    rows = await queue.rows()
    assert sorted((row["payload"], row["private_data"], row["priority"]) for row in rows) == [
        (f'{{"number": {n}}}', f'{{"secret": {n}}}', 2) for n in range(3)
    ]


async def test_the_same_key_enqueues_one_job_while_it_waits_or_runs(database: Database, queue: JobQueue) -> None:
    other = JobQueue(f"test-{uuid4()}", database, queue.owner_sql)
    store = JobStore(database, uuid4())
    first = await queue.enqueue(dedup_key="k")
    while_waiting = await queue.enqueue(dedup_key="k")
    [job] = await store.claim([queue.name], 1, lease=timedelta(minutes=1))
    while_running = await queue.enqueue(dedup_key="k")
    elsewhere = {await queue.enqueue(dedup_key="l"), await other.enqueue(dedup_key="k")}
    await store.record([RecordedOutcome(job.id, job.attempt, "completed")])
    afterwards = await queue.enqueue(dedup_key="k")

    assert (while_waiting, while_running) == (first, first)
    assert first not in {*elsewhere, afterwards}
    assert len({*elsewhere, afterwards}) == 3


async def test_racing_callers_with_the_same_key_get_the_same_job(queue: JobQueue) -> None:
    ids = await asyncio.gather(*(queue.enqueue(number, dedup_key="k") for number in range(20)))

    assert set(ids) == {row["id"] for row in await queue.rows()}
    assert len(set(ids)) == 1


async def test_a_caller_waits_for_a_job_of_the_same_key_that_is_not_committed(
    database: Database, queue: JobQueue
) -> None:
    async with database.as_actor(system_actor("test")).transaction() as transaction:
        first = await enqueue(transaction, queue.name, {}, dedup_key="k")
        second = asyncio.create_task(queue.enqueue(dedup_key="k"))
        await asyncio.sleep(0.05)
        is_waiting = not second.done()

    assert is_waiting
    assert await second == first


@pytest.mark.parametrize(
    "options",
    [{"max_attempts": 0}, {"dedup_key": ""}, {"dedup_key": "k" * 501}],
)
async def test_a_job_with_senseless_options_is_refused(options: dict[str, Any], queue: JobQueue) -> None:
    with pytest.raises(ConstraintViolationError):
        await queue.enqueue(**options)

    assert await queue.rows() == []
