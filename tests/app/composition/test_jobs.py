"""The service `worker`: woken by commits of this process and of others, and only where it is enabled."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from uuid import uuid4

import httpx
import pytest

from monynha.app.composition.application import Application, build
from monynha.app.composition.jobs import start_worker
from monynha.core.actor import system_actor
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls
from monynha.infra.queue.enqueue import enqueue
from monynha.infra.queue.job import Job, JobHandler, Json
from monynha.infra.queue.worker import Worker
from tests.conditions import SOON_S

pytestmark = pytest.mark.anyio

POLL_S = 1.0


@dataclass
class TimedQueue:
    """A queue whose jobs note when they begin."""

    name: str = field(default_factory=lambda: f"test-{uuid4()}")
    begun: asyncio.Queue[float] = field(default_factory=asyncio.Queue)

    async def note(self, job: Job[object]) -> Json:
        self.begun.put_nowait(time.perf_counter())
        return None

    def start(self, program: Application, settings: Settings) -> Worker:
        """Start a worker on the queue, as the program does."""
        handler = JobHandler(self.name, object, self.note)
        worker = start_worker(settings, program.database, program.realtime.hub, (handler,))
        assert worker is not None
        return worker


async def test_a_commit_wakes_the_worker_of_its_process_at_once(program: Application, settings: Settings) -> None:
    queue = TimedQueue()
    worker = queue.start(program, settings)
    delays = []
    for _ in range(15):
        begin = time.perf_counter()
        async with program.database.as_actor(system_actor("test")).transaction() as transaction:
            await enqueue(transaction, queue.name, {})
        delays.append(await queue.begun.get() - begin)
        await asyncio.sleep(0.02)
    await worker.stop()

    # 4 ms on an idle machine; without being woken it would be half the interval of the poll.
    assert median(delays) < POLL_S / 5


async def test_a_commit_of_another_process_wakes_the_worker_through_valkey(
    program: Application, settings: Settings, running_servers: ServerUrls
) -> None:
    other = await build(replace(settings, services=frozenset({"api"})), running_servers)
    queue = TimedQueue()
    worker = queue.start(program, settings)
    delays = []
    for _ in range(9):
        begin = time.perf_counter()
        async with other.database.as_actor(system_actor("test")).transaction() as transaction:
            await enqueue(transaction, queue.name, {})
        delays.append(await queue.begun.get() - begin)
    await worker.stop()
    await other.close()

    assert median(delays) < POLL_S / 5


async def test_jobs_are_done_while_valkey_is_away(
    settings: Settings, running_servers: ServerUrls, tmp_path: Path
) -> None:
    without_valkey = replace(running_servers, redis_url=f"unix://{tmp_path}/nothing.sock")
    enqueuing, working = [await build(settings, without_valkey) for _ in range(2)]
    queue = TimedQueue()
    worker = queue.start(working, settings)
    for program in (working, enqueuing):  # the second is not heard of, so the poll finds it
        async with program.database.as_actor(system_actor("test")).transaction() as transaction:
            await enqueue(transaction, queue.name, {})
        async with asyncio.timeout(SOON_S):
            await queue.begun.get()
    await worker.stop()
    for program in (working, enqueuing):
        await program.close()


async def test_only_the_service_worker_runs_jobs(settings: Settings, running_servers: ServerUrls) -> None:
    without = await build(replace(settings, services=frozenset({"api"})), running_servers)
    alone = await build(replace(settings, services=frozenset({"worker"})), running_servers)
    transport = httpx.ASGITransport(app=alone.http)
    async with httpx.AsyncClient(transport=transport, base_url="http://monynha.test") as client:
        statuses = [(await client.get(path)).status_code for path in ("/healthz", "/readyz", "/api/v1/projects")]
    alone.begin_shutdown()
    await alone.close()
    await without.close()

    assert without.worker is None
    assert alone.worker is not None
    assert statuses == [200, 200, 404]
