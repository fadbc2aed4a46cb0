"""Workers of the test's own on the real database, each with a queue that no other test uses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest

from monynha.core.actor import Actor, system_actor
from monynha.infra.postgres.database import Database
from monynha.infra.queue.enqueue import enqueue
from monynha.infra.queue.job import Job, JobHandler, Json
from monynha.infra.queue.job_store import JobStore
from monynha.infra.queue.worker import Worker, WorkerOptions
from tests.conditions import TIMEOUT_S
from tests.live_server import OwnerSql

_POLL_INTERVAL_S = 0.02


@dataclass(frozen=True)
class NumberedPayload:
    """The payload of the jobs of these tests."""

    number: int = 0
    data: object = None


async def do_nothing(job: Job[NumberedPayload]) -> Json:
    """Handle a job without any effect."""
    return None


@dataclass
class JobQueue:
    """A queue of one test, and workers on it."""

    name: str
    database: Database
    owner_sql: OwnerSql
    done: list[Job[NumberedPayload]] = field(default_factory=list)

    async def enqueue(self, number: int = 0, *, actor: Actor | None = None, **options: Any) -> UUID:
        """Enqueue a job in a transaction of its own."""
        async with self.database.as_actor(actor or system_actor("test")).transaction() as transaction:
            return await enqueue(transaction, self.name, NumberedPayload(number), **options)

    async def record(self, job: Job[NumberedPayload]) -> Json:
        """Handle a job by remembering it."""
        self.done.append(job)
        return {"number": job.payload.number}

    @asynccontextmanager
    async def worker(
        self,
        handle: Callable[[Job[NumberedPayload]], Awaitable[Json]] | None = None,
        *,
        options: WorkerOptions | None = None,
        **handler_options: Any,
    ) -> AsyncIterator[Worker]:
        """Run a worker on the queue for the time of the context."""
        handler = JobHandler(self.name, NumberedPayload, handle or self.record, **handler_options)
        worker = Worker(JobStore(self.database, uuid4()), [handler], options or WorkerOptions(stop_timeout_s=0.2))
        worker.start()
        try:
            yield worker
        finally:
            await worker.stop()

    async def rows(self) -> list[Any]:
        """Return the jobs of the queue, in the order in which they were enqueued."""
        return await self.owner_sql("select * from monynha.jobs where queue = $1 order by created_at, id", self.name)

    async def make_due(self) -> None:
        """Let the jobs that wait for their time be due now."""
        await self.owner_sql("update monynha.jobs set run_at = now() where queue = $1 and state = 'ready'", self.name)

    async def row(self, job_id: UUID) -> Any:
        """Return one job."""
        [row] = await self.owner_sql("select * from monynha.jobs where id = $1", job_id)
        return row

    async def wait_for_states(self, *states: str) -> list[Any]:
        """Return the jobs once they have these states."""
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                rows = await self.rows()
                if [row["state"] for row in rows] == list(states):
                    return rows
                await asyncio.sleep(_POLL_INTERVAL_S)


@pytest.fixture
def queue(database: Database, owner_sql: OwnerSql) -> JobQueue:
    """Return a queue that no other test uses."""
    return JobQueue(f"test-{uuid4()}", database, owner_sql)
