"""The worker: every job is done, in order of priority, by one worker at a time, and again if the worker stops."""

from __future__ import annotations

import pytest

from tests.infra.queue.conftest import JobQueue

pytestmark = pytest.mark.anyio


async def test_a_job_is_done_with_its_payload_and_its_result_is_stored(queue: JobQueue) -> None:
    job_id = await queue.enqueue(7)
    async with queue.worker():
        [row] = await queue.wait_for_states("completed")

    assert [(job.id, job.payload.number, job.attempt) for job in queue.done] == [(job_id, 7, 1)]
    assert (row["id"], row["result"], row["progress"]) == (job_id, '{"number": 7}', 100)
