"""Workers that are killed in the middle of a thousand jobs: each job is done, none is lost, all keep their ids."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import Process
from collections import Counter
from pathlib import Path

import pytest

from monynha.core.actor import system_actor
from monynha.infra.embedded import ServerUrls
from monynha.infra.queue.enqueue import enqueue_many
from monynha.infra.queue.worker import WorkerOptions
from tests.conditions import wait_until
from tests.infra.queue.conftest import JobQueue, NumberedPayload
from tests.journeys.program import ROOT

pytestmark = pytest.mark.anyio

JOB_COUNT = 1000
LONGEST_TAKEOVER_S = 60


async def start_worker(servers: ServerUrls, queue: JobQueue, folder: Path) -> Process:
    command = (sys.executable, "-m", "tests.infra.queue.worker_process", servers.database_url, queue.name, str(folder))
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, env={"PYTHONPATH": str(ROOT / "src")})


async def test_no_job_is_lost_when_its_worker_is_killed(
    queue: JobQueue, running_servers: ServerUrls, tmp_path: Path
) -> None:
    async with queue.database.as_actor(system_actor("test")).transaction() as transaction:
        await enqueue_many(transaction, queue.name, [NumberedPayload(number) for number in range(JOB_COUNT)])
    numbers = {str(row["id"]): number for number, row in enumerate(await queue.rows())}

    killed_at: list[int] = []
    for share in (0.2, 0.6):
        worker = await start_worker(running_servers, queue, tmp_path)
        await wait_until(lambda share=share: len(list(tmp_path.iterdir())) >= share * JOB_COUNT)  # type: ignore[misc]  # mypy: no default in lambdas
        worker.send_signal(signal.SIGKILL)
        await worker.wait()
        killed_at.append(len(list(tmp_path.iterdir())))
    worker = await start_worker(running_servers, queue, tmp_path)
    rows = await queue.wait_for_states(*["completed"] * JOB_COUNT)
    worker.kill()
    await worker.wait()

    assert max(killed_at) < JOB_COUNT
    effects = {path.name: path.read_text().splitlines() for path in tmp_path.iterdir()}
    assert effects.keys() == numbers.keys()
    assert {name: {line.split()[0] for line in lines} for name, lines in effects.items()} == {
        name: {str(number)} for name, number in numbers.items()
    }
    # What was running when its worker was killed was done again, and only that.
    attempts = Counter(row["attempts"] for row in rows)
    assert set(attempts) <= {1, 2, 3}
    assert attempts[1] > JOB_COUNT / 2
    assert attempts[2] + attempts[3] > 0


def test_the_jobs_of_a_dead_worker_are_taken_over_within_a_minute() -> None:
    options = WorkerOptions()

    assert options.lease.total_seconds() + options.heartbeat_interval_s < LONGEST_TAKEOVER_S
    assert options.lease.total_seconds() > 5 * options.heartbeat_interval_s
