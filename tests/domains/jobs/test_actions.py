"""Admins list, retry and cancel jobs; a job that is in another state is a conflict."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.domains.jobs.conftest import QueueWithoutWorker
from tests.protocols.graphql.requests import fetch_data, fetch_errors
from tests.users import ApiUser

pytestmark = pytest.mark.anyio


async def read(admin: ApiUser, job_id: UUID) -> dict[str, Any]:
    response = await admin.get(f"/admin/jobs/{job_id}")
    assert response.status_code == 200, response.text
    job: dict[str, Any] = response.json()["data"]
    return job


async def test_a_job_shows_what_was_enqueued_by_whom(admin: ApiUser, user: ApiUser, queue: QueueWithoutWorker) -> None:
    job_id = await queue.enqueue({"fileId": "f"}, actor=user.actor, priority=1, dedup_key="f", max_attempts=5)

    job = await read(admin, job_id)
    with_requester = (await admin.get(f"/admin/jobs/{job_id}?include=requester&fields=id,requester.name")).json()

    assert {name: value for name, value in job.items() if not name.endswith("At")} == {
        "id": str(job_id),
        "queue": queue.name,
        "state": "ready",
        "priority": 1,
        "payload": {"fileId": "f"},
        "result": None,
        "attempts": 0,
        "maxAttempts": 5,
        "progress": 0,
        "lastError": None,
        "dedupKey": "f",
        "requesterId": str(user.id),
    }
    assert with_requester["data"] == {"id": str(job_id), "requester": {"name": "Ada"}}


async def test_jobs_are_filtered_by_queue_and_state_and_paged(admin: ApiUser, queue: QueueWithoutWorker) -> None:
    first, second, third = [await queue.enqueue() for _ in range(3)]
    await queue.attempt("dead", error="It cannot work.")
    path = f"/admin/jobs?queue={queue.name}"

    page = (await admin.get(f"{path}&limit=2&count=exact")).json()
    rest = (await admin.get(f"{path}&limit=2&cursor={page['meta']['nextCursor']}")).json()
    dead = (await admin.get(f"{path}&state=dead,cancelled")).json()
    unknown = await admin.get(f"{path}&state=lost")
    by_graphql = await fetch_data(
        admin, "query($q: String!) { jobs(where: {queue: [$q], state: [dead]}) { id lastError } }", q=queue.name
    )

    assert [job["id"] for job in page["data"] + rest["data"]] == [str(third), str(second), str(first)]
    assert (page["meta"]["total"], rest["meta"]["nextCursor"]) == (3, None)
    assert [(job["id"], job["lastError"]) for job in dead["data"]] == [(str(first), "It cannot work.")]
    assert (unknown.status_code, list(unknown.json()["error"]["details"])) == (400, ["state"])
    assert by_graphql["jobs"] == [{"id": str(first), "lastError": "It cannot work."}]


async def test_a_dead_job_that_is_retried_has_all_its_attempts_again(admin: ApiUser, queue: QueueWithoutWorker) -> None:
    job_id = await queue.enqueue()
    await queue.attempt("dead", error="It cannot work.")

    response = await admin.post(f"/admin/jobs/{job_id}/retry", None)
    completed_id = await queue.attempt("completed", result={"answer": 42})
    job = await read(admin, job_id)

    retried = response.json()["data"]
    assert (retried["state"], retried["attempts"], retried["finishedAt"]) == ("ready", 0, None)
    assert completed_id == job_id
    assert (job["state"], job["attempts"], job["result"], job["progress"]) == ("completed", 1, {"answer": 42}, 100)


@pytest.mark.parametrize("result", [[1, 2], "done", 7, True])
async def test_a_result_that_is_no_object_is_shown_in_one(
    result: object, admin: ApiUser, queue: QueueWithoutWorker
) -> None:
    job_id = await queue.enqueue()
    await queue.attempt("completed", result=result)

    assert (await read(admin, job_id))["result"] == {"value": result}


async def test_a_cancelled_job_is_not_done_until_it_is_retried(admin: ApiUser, queue: QueueWithoutWorker) -> None:
    job_id = await queue.enqueue()
    cancelled = await fetch_data(
        admin, "mutation($id: ID!) { cancelJob(id: $id) { state finishedAt requester { id } } }", id=str(job_id)
    )
    claimed = await queue.store.claim([queue.name], 1, lease=timedelta(minutes=1))
    retried = await fetch_data(admin, "mutation($id: ID!) { again: retryJob(id: $id) { state } }", id=str(job_id))

    assert cancelled["cancelJob"]["state"] == "cancelled"
    assert cancelled["cancelJob"]["finishedAt"] is not None
    assert claimed == []
    assert retried == {"again": {"state": "ready"}}
    assert await queue.attempt("completed") == job_id


async def test_a_job_in_another_state_is_a_conflict_that_names_the_state(
    admin: ApiUser, queue: QueueWithoutWorker
) -> None:
    job_id = await queue.enqueue()
    retry = await admin.post(f"/admin/jobs/{job_id}/retry", None)
    await queue.attempt("completed")
    cancel = await admin.post(f"/admin/jobs/{job_id}/cancel", None)
    errors = await fetch_errors(admin, "mutation($id: ID!) { retryJob(id: $id) { id } }", id=str(job_id))

    assert (retry.status_code, cancel.status_code) == (409, 409)
    assert retry.json()["error"]["message"] == "The job is ready; only jobs that are cancelled and dead can be retried."
    assert cancel.json()["error"]["details"] == {"state": "completed"}
    assert [error["extensions"] for error in errors] == [{"code": "CONFLICT", "details": {"state": "completed"}}]


async def test_a_job_whose_deduplication_key_is_in_use_again_cannot_be_retried(
    admin: ApiUser, queue: QueueWithoutWorker
) -> None:
    job_id = await queue.enqueue(dedup_key="once")
    await queue.attempt("dead")
    await queue.enqueue(dedup_key="once")

    response = await admin.post(f"/admin/jobs/{job_id}/retry", None)

    assert (response.status_code, list(response.json()["error"]["details"])) == (409, ["dedupKey"])
    assert (await read(admin, job_id))["state"] == "dead"


@pytest.mark.parametrize("job_id", ["00000000-0000-4000-8000-000000000000", "no-uuid"])
async def test_a_job_that_does_not_exist_is_not_found(job_id: str, admin: ApiUser) -> None:
    responses = [await admin.get(f"/admin/jobs/{job_id}")]
    responses += [await admin.post(f"/admin/jobs/{job_id}/{action}", None) for action in ("retry", "cancel")]

    assert [(response.status_code, response.json()["error"]["message"]) for response in responses] == [
        (404, "Job not found.")
    ] * 3
