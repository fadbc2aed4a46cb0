"""One attempt: what becomes of a handler's result and of each way to fail, and with whose rights it runs."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import CapturingLogger

from monynha.core.actor import system_actor
from monynha.core.errors import NotFoundError, UnavailableError
from monynha.infra.postgres.database import Database
from monynha.infra.queue.attempt import Attempt
from monynha.infra.queue.job import Job, JobHandler, Json, PermanentJobError, TemporaryJobError
from monynha.infra.queue.job_store import ClaimedJob, RecordedOutcome
from tests.infra.queue.conftest import NumberedPayload
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

JOB_ID = UUID(int=1)


async def run_attempt(
    database: Database, handle: Any, payload: object = None, *, requester_id: UUID | None = None, **options: Any
) -> RecordedOutcome | None:
    """Run a handler once for a job."""
    claimed = ClaimedJob(JOB_ID, "numbers", {"number": 1} if payload is None else payload, 2, requester_id)
    return await Attempt(
        claimed, JobHandler("numbers", NumberedPayload, handle, **options), database, claimed_at=0
    ).run()


@pytest.mark.parametrize(
    ("error", "outcome", "text"),
    [
        (PermanentJobError("The address does not exist."), "dead", "The address does not exist."),
        (TemporaryJobError("The mail server is busy."), "failed", "The mail server is busy."),
        (UnavailableError(), "failed", "The service is temporarily unavailable, please try again."),
        (NotFoundError("File not found."), "failed", "File not found."),
        (ValueError("https://x.test/?token=s3cret"), "failed", "The handler failed (ValueError)."),
        (TimeoutError("s3cret"), "failed", "The handler failed (TimeoutError)."),
        (PermanentJobError("half \ud800 a \x00 character"), "dead", "half ? a  character"),
    ],
)
async def test_an_error_of_the_handler_is_recorded_without_what_may_be_secret(
    error: Exception, outcome: str, text: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The level of the tests' own log is higher.
    log = CapturingLogger()
    monkeypatch.setattr("monynha.infra.queue.attempt._log", log)

    async def fail(job: Job[NumberedPayload]) -> Json:
        raise error

    recorded = await run_attempt(database, fail, {"number": 1, "data": {"link": "s3cret"}})

    assert recorded == RecordedOutcome(JOB_ID, 2, outcome, error=text)  # type: ignore[arg-type]  # a parameter
    [line] = log.calls
    assert (line.method_name, line.args, line.kwargs["err"]["type"]) == (
        "warning",
        ("job failed",),
        type(error).__name__,
    )
    assert "in fail" in line.kwargs["err"]["stack"]
    assert "s3cret" not in str(line)


@pytest.mark.parametrize(
    ("payload", "text"),
    [({}, None), ({"number": "1"}, "payload.number has the wrong type"), ([], "payload has the wrong type")],
)
async def test_a_payload_that_does_not_fit_is_not_tried_again(
    payload: object, text: str | None, database: Database
) -> None:
    async def succeed(job: Job[NumberedPayload]) -> Json:
        return None

    recorded = await run_attempt(database, succeed, payload)

    assert recorded is not None
    assert (recorded.outcome, recorded.error) == ("completed" if text is None else "dead", text)


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (object(), "The result is not JSON."),
        (1 << 70, "The result is not JSON."),
        ({"text": "\x00"}, "The result holds a NUL character."),
        ("x" * 100_001, "The result is too large to be stored."),
    ],
)
async def test_a_result_that_cannot_be_stored_is_an_error(result: Any, text: str, database: Database) -> None:
    async def answer(job: Job[NumberedPayload]) -> Json:
        value: Json = result
        return value

    recorded = await run_attempt(database, answer)

    assert recorded is not None
    assert (recorded.outcome, recorded.error) == ("dead", text)


async def test_a_handler_that_hangs_has_failed_when_its_time_is_over(database: Database) -> None:
    async def hang(job: Job[NumberedPayload]) -> Json:
        await asyncio.Event().wait()
        return None

    recorded = await run_attempt(database, hang, timeout_s=0.01)

    assert recorded is not None
    assert (recorded.outcome, recorded.error) == ("failed", "The attempt took longer than 0.01 seconds.")


async def test_a_handler_whose_own_task_was_cancelled_has_failed(database: Database) -> None:
    async def wait_for_cancelled(job: Job[NumberedPayload]) -> Json:
        task = asyncio.create_task(asyncio.sleep(60))
        task.cancel()
        await task
        return None

    recorded = await run_attempt(database, wait_for_cancelled)

    assert recorded is not None
    assert (recorded.outcome, recorded.error) == ("failed", "The handler failed (CancelledError).")


async def test_a_job_runs_as_a_system_actor_named_like_its_queue(database: Database, user: ApiUser) -> None:
    jobs: list[Job[NumberedPayload]] = []

    async def look(job: Job[NumberedPayload]) -> Json:
        jobs.append(job)
        return None

    await run_attempt(database, look, requester_id=user.id)

    assert (jobs[0].actor, jobs[0].requester_id, jobs[0].attempt) == (system_actor("numbers"), user.id, 2)


async def count_projects(database: Database, job: Job[NumberedPayload]) -> int:
    async with database.as_actor(job.actor).transaction() as transaction:
        count = await transaction.fetch_value("select count(*) from public.projects")
    assert isinstance(count, int)
    return count


async def test_a_job_that_runs_as_its_requester_sees_what_they_see(
    database: Database, users: UserFactory, user: ApiUser
) -> None:
    await user.create_project()
    await (await users.create("Eve")).create_project()

    async def count(job: Job[NumberedPayload]) -> Json:
        return await count_projects(database, job)

    recorded = await run_attempt(database, count, requester_id=user.id, runs_as_requester=True)

    assert recorded == RecordedOutcome(JOB_ID, 2, "completed", result=1)


@pytest.mark.parametrize("is_admin", [False, True])
@pytest.mark.parametrize("is_deleted", [False, True])
async def test_a_job_of_somebody_banned_or_deleted_is_not_run(
    is_deleted: bool, is_admin: bool, database: Database, users: UserFactory
) -> None:
    requester = await users.create(is_admin=is_admin)
    if is_deleted:
        assert (await requester.delete("/users/me")).status_code == 204
    else:
        await users.ban(requester)
    calls: list[int] = []

    async def note(job: Job[NumberedPayload]) -> Json:
        calls.append(1)
        return None

    recorded = await run_attempt(database, note, requester_id=requester.id, runs_as_requester=True)

    assert recorded is not None
    assert (recorded.outcome, recorded.error) == (
        "dead",
        "The account of the user who requested it is no longer active.",
    )
    assert calls == []


async def test_an_admin_who_requested_a_job_has_the_rights_of_an_admin(database: Database, users: UserFactory) -> None:
    admin, other = await users.create(is_admin=True), await users.create("Eve")
    await other.create_project()

    async def count(job: Job[NumberedPayload]) -> Json:
        return await count_projects(database, job)

    recorded = await run_attempt(database, count, requester_id=admin.id, runs_as_requester=True)

    assert recorded is not None
    assert isinstance(recorded.result, int)
    assert recorded.result >= 1
