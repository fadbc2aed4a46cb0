"""Jobs of a queue without a worker, and the admin who looks at them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from monynha.core.actor import Actor, system_actor
from monynha.infra.postgres.database import Database
from monynha.infra.queue.enqueue import enqueue
from monynha.infra.queue.job_store import ClaimedJob, JobOutcome, JobStore, RecordedOutcome
from tests.users import ApiUser, UserFactory


@dataclass(frozen=True)
class QueueWithoutWorker:
    """Jobs of one test, whose states the test decides."""

    name: str
    database: Database
    store: JobStore
    lease: timedelta = timedelta(minutes=1)

    async def enqueue(self, payload: Any = None, *, actor: Actor | None = None, **options: Any) -> UUID:
        """Enqueue a job in a transaction of its own."""
        async with self.database.as_actor(actor or system_actor("test")).transaction() as transaction:
            return await enqueue(transaction, self.name, payload or {}, **options)

    async def attempt(self, outcome: JobOutcome, **values: Any) -> UUID:
        """Claim the next job and record how it ended."""
        [job] = await self.store.claim([self.name], 1, lease=self.lease)
        await self.record(job, outcome, **values)
        return job.id

    async def record(self, job: ClaimedJob, outcome: JobOutcome, **values: Any) -> None:
        """Record how a claimed job ended."""
        assert await self.store.record([RecordedOutcome(job.id, job.attempt, outcome, **values)]) == 1

    async def make_due(self) -> None:
        """Let the jobs that wait after a failure be due now."""
        async with self.database.as_actor(system_actor("jobs")).transaction() as transaction:
            await transaction.execute("update monynha.jobs set run_at = now() where queue = $1", self.name)


@pytest.fixture
def queue(database: Database) -> QueueWithoutWorker:
    """Return a queue that no other test uses."""
    return QueueWithoutWorker(f"test-{uuid4()}", database, JobStore(database, uuid4()))


@pytest.fixture
async def admin(users: UserFactory) -> ApiUser:
    """Return a system admin."""
    return await users.create("Root", is_admin=True)
