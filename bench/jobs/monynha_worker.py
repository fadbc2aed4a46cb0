"""A worker with an empty handler: `python -m bench.jobs.monynha_worker URL QUEUE COUNT` prints jobs a second."""

from __future__ import annotations

import asyncio
import sys
import time
from uuid import uuid4

import uvloop

from monynha.infra.postgres.database import Database
from monynha.infra.queue.job import Job, JobHandler, Json
from monynha.infra.queue.job_store import JobStore
from monynha.infra.queue.worker import Worker, WorkerOptions


async def run(url: str, queue: str, count: int) -> float:
    """Work off `count` jobs of a queue, until all are recorded; return how many a second."""
    done = 0

    async def do_nothing(job: Job[object]) -> Json:
        nonlocal done
        done += 1
        return None

    database = await Database.open(url)
    worker = Worker(JobStore(database, uuid4()), [JobHandler(queue, object, do_nothing)], WorkerOptions())
    begin = time.perf_counter()
    worker.start()
    while done < count:
        await asyncio.sleep(0.002)
    await worker.stop()
    duration_s = time.perf_counter() - begin
    await database.close()
    return count / duration_s


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(runner.run(run(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
