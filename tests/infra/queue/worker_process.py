"""A worker in a process of its own, which a test kills: `python -m tests.infra.queue.worker_process URL QUEUE FOLDER`.

Each job writes a file named by its id, which holds a line for each attempt.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import uvloop

from monynha.infra.postgres.database import Database
from monynha.infra.queue.job import Job, JobHandler, Json
from monynha.infra.queue.job_store import JobStore
from monynha.infra.queue.worker import Worker, WorkerOptions
from tests.infra.queue.conftest import NumberedPayload

OPTIONS = WorkerOptions(concurrency=20, lease=timedelta(seconds=1), heartbeat_interval_s=0.2, poll_interval_s=0.1)


async def run(url: str, queue: str, folder: Path) -> None:
    """Work on the queue until the process is killed."""

    async def write_file(job: Job[NumberedPayload]) -> Json:
        await asyncio.sleep(0.03)  # so long that the test can kill it in between
        with (folder / str(job.id)).open("a") as file:
            file.write(f"{job.payload.number} {job.attempt}\n")
        return None

    database = await Database.open(url, size=2)
    Worker(JobStore(database, uuid4()), [JobHandler(queue, NumberedPayload, write_file)], OPTIONS).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
