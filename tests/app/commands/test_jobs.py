"""`monynha jobs`: an operator looks at jobs, retries, cancels and purges them beside a program that serves."""

from __future__ import annotations

import asyncio
import json
from contextlib import redirect_stdout
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest

from monynha.app.cli import make_app
from monynha.app.command_error import CommandError
from monynha.core.actor import system_actor
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import run_servers
from monynha.infra.postgres.database import Database
from monynha.infra.queue.enqueue import enqueue
from tests.app.command_line import run_command
from tests.journeys.program import Program

APP = make_app()


def run_jobs(program: Program, *arguments: str) -> str:
    """Return what a command prints; it runs in this process, which saves the start of another."""
    with redirect_stdout(StringIO()) as printed:
        APP(["jobs", *arguments, "--data-dir", str(program.data_dir)], result_action="return_value")
    return printed.getvalue()


def read_jobs(program: Program, *arguments: str) -> Any:
    """Return the JSON that a command prints."""
    return json.loads(run_jobs(program, *arguments, "--json"))


async def enqueue_for_tomorrow(program: Program, queue: str, count: int) -> list[UUID]:
    """Enqueue jobs in the database of a program that runs, and return their ids."""
    async with run_servers(Settings.read({"MONYNHA_DATA_DIR": str(program.data_dir)})) as servers:
        database = await Database.open(servers.database_url, size=1)
        ids = []
        for number in range(count):
            async with database.as_actor(system_actor("test")).transaction() as transaction:
                payload = {"number": number, "data": {"link": "s3cret"}}
                ids.append(await enqueue(transaction, queue, payload, delay=timedelta(days=1)))
        await database.close()
    return ids


def test_jobs_are_listed_shown_cancelled_retried_and_purged(running_program: Program) -> None:
    queue = f"test-{uuid4()}"
    first, second, third = map(str, asyncio.run(enqueue_for_tomorrow(running_program, queue, 3)))

    page = read_jobs(running_program, "list", "--queue", queue, "--limit", "2")
    rest = read_jobs(running_program, "list", "--queue", queue, "--limit", "2", "--cursor", page["nextCursor"])
    job = read_jobs(running_program, "show", second)
    cancelled = [read_jobs(running_program, "cancel", job_id)["state"] for job_id in (first, second)]
    retried = read_jobs(running_program, "retry", first)
    purged_as_old = read_jobs(running_program, "purge", "--older-than-days", "1")
    purged = read_jobs(running_program, "purge", "--state", "cancelled")

    assert [job["id"] for job in page["jobs"] + rest["jobs"]] == [third, second, first]
    assert (job["payload"], job["state"]) == ({"number": 1}, "ready")
    assert (cancelled, retried["state"]) == (["cancelled", "cancelled"], "ready")
    assert (purged_as_old, purged) == ({"deleted": 0}, {"deleted": 1})
    assert {job["id"] for job in read_jobs(running_program, "list", "--queue", queue)["jobs"]} == {first, third}


def test_jobs_are_printed_for_people_without_private_data(running_program: Program) -> None:
    queue = f"test-{uuid4()}"
    [job_id] = asyncio.run(enqueue_for_tomorrow(running_program, queue, 1))

    listed = run_jobs(running_program, "list", "--queue", queue)
    job_text = run_jobs(running_program, "show", str(job_id))
    cancelled = run_jobs(running_program, "cancel", str(job_id))
    purged = run_jobs(running_program, "purge")

    assert listed.split()[:3] == [str(job_id), "ready", queue]
    assert 'payload      {"number": 0}' in job_text.splitlines()
    assert "s3cret" not in job_text
    assert cancelled == "The job is cancelled.\n"
    assert purged == "1 jobs are deleted.\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "7"], "the id of a job is a UUID, as `monynha jobs list` prints it"),
        (["show", str(UUID(int=7))], "Job not found."),
        (["retry", str(UUID(int=7))], "Job not found."),
        (["list", "--state", "lost"], "state must be one or more of ready, active, completed, dead, cancelled"),
        (["list", "--limit", "0"], "limit must be an integer from 1 to 100"),
    ],
)
def test_a_command_that_cannot_be_done_says_why(arguments: list[str], message: str, running_program: Program) -> None:
    with pytest.raises(CommandError) as error:
        run_jobs(running_program, *arguments)

    assert str(error.value) == message


def test_an_error_is_a_line_on_standard_error(running_program: Program) -> None:
    result = run_command(running_program, "jobs", "show", str(UUID(int=7)))

    assert (result.returncode, result.stdout, result.stderr) == (1, "", "monynha: Job not found.\n")
