"""Measures Monynha: enqueueing, working off, and the time until a job begins on an idle queue."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from uuid import uuid4

from bench.dataset import run_command
from monynha.app.composition.application import build
from monynha.app.composition.jobs import start_worker
from monynha.core.actor import system_actor
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls
from monynha.infra.postgres.database import Database
from monynha.infra.queue.enqueue import enqueue, enqueue_many
from monynha.infra.queue.job import Job, JobHandler, Json

_BATCH = 5_000
_WRITERS = 16
_ACTOR = system_actor("bench")


async def enqueue_in_bulk(database: Database, queue: str, count: int) -> float:
    """Enqueue jobs, thousands in a transaction; return how many a second."""
    begin = time.perf_counter()
    for first in range(0, count, _BATCH):
        payloads = [{"number": number} for number in range(first, min(first + _BATCH, count))]
        async with database.as_actor(_ACTOR).transaction() as transaction:
            await enqueue_many(transaction, queue, payloads)
    return count / (time.perf_counter() - begin)


async def enqueue_one_by_one(database: Database, queue: str, count: int) -> float:
    """Enqueue jobs from 16 writers, each in its own transaction; return how many a second."""
    numbers = iter(range(count))

    async def write() -> None:
        for number in numbers:
            async with database.as_actor(_ACTOR).transaction() as transaction:
                await enqueue(transaction, queue, {"number": number})

    begin = time.perf_counter()
    await asyncio.gather(*(write() for _ in range(_WRITERS)))
    return count / (time.perf_counter() - begin)


async def work_off(database_url: str, queue: str, count: int) -> float:
    """Let a worker process do all jobs of a queue; return how many a second."""
    command = (sys.executable, "-m", "bench.jobs.monynha_worker", database_url, queue, str(count))
    rate: float = json.loads((await run_command(*command)).splitlines()[-1])
    return rate


async def measure_idle_delays(settings: Settings, servers: ServerUrls, count: int) -> list[float]:
    """Return the milliseconds from the enqueueing transaction's begin to the handler's, one job at a time."""
    program = await build(settings, servers)
    begun: asyncio.Queue[float] = asyncio.Queue()

    async def note(job: Job[object]) -> Json:
        begun.put_nowait(time.perf_counter())
        return None

    queue = f"bench-{uuid4()}"
    worker = start_worker(settings, program.database, program.realtime.hub, (JobHandler(queue, object, note),))
    delays = []
    for _ in range(count):
        await asyncio.sleep(0.02)
        begin = time.perf_counter()
        async with program.database.as_actor(_ACTOR).transaction() as transaction:
            await enqueue(transaction, queue, {})
        delays.append(1000 * (await begun.get() - begin))
    if worker:
        await worker.stop()
    await program.close()
    return delays
