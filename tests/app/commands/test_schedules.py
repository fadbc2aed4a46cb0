"""`monynha schedules`: an operator sees when they run, and runs one beside a program that serves."""

from __future__ import annotations

import json
import time
from contextlib import redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest

from monynha.app.cli import make_app
from monynha.app.command_error import CommandError
from tests.conditions import TIMEOUT_S
from tests.journeys.program import Program

APP = make_app()


def run_in_process(program: Program, *arguments: str) -> str:
    """Return what a command prints; it runs in this process, which saves the start of another."""
    with redirect_stdout(StringIO()) as printed:
        APP([*arguments, "--data-dir", str(program.data_dir)], result_action="return_value")
    return printed.getvalue()


def read_json(program: Program, *arguments: str) -> Any:
    return json.loads(run_in_process(program, *arguments, "--json"))


def wait_until_ended(program: Program, job_id: str) -> dict[str, Any]:
    """Wait until the program's worker has done the job, and return it."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        job: dict[str, Any] = read_json(program, "jobs", "show", job_id)
        if job["state"] not in ("ready", "active"):
            return job
        time.sleep(0.1)
    raise AssertionError(f"job {job_id} did not end")


def test_schedules_are_listed_with_their_next_run(running_program: Program) -> None:
    schedules = read_json(running_program, "schedules", "list")["schedules"]
    printed = run_in_process(running_program, "schedules", "list")

    assert [(schedule["name"], schedule["cron"]) for schedule in schedules] == [
        ("clean-up", "0 2 * * *"),
        ("seal-audit-log", "0 * * * *"),
        ("weekly-report", "0 9 * * 1"),
        ("daily-analytics", "30 0 * * *"),
        ("monthly-analytics", "0 1 1 * *"),
    ]
    next_runs = [datetime.fromisoformat(schedule["nextRun"]) for schedule in schedules]
    assert min(next_runs) > datetime.now(UTC)
    daily = [(moment.hour, moment.minute) for moment in next_runs if moment != next_runs[1]]
    assert daily == [(2, 0), (9, 0), (0, 30), (1, 0)]
    assert next_runs[1].minute == 0
    assert all(schedule["name"] in printed and schedule["description"] in printed for schedule in schedules)


def test_a_schedule_that_is_run_by_hand_is_done_by_the_worker(running_program: Program) -> None:
    job_id = read_json(running_program, "schedules", "run", "clean-up")["jobId"]
    job = wait_until_ended(running_program, job_id)
    printed = run_in_process(running_program, "schedules", "run", "weekly-report")

    assert (job["queue"], job["state"], job["lastError"]) == ("clean-up", "completed", None)
    assert set(job["result"]) >= {"sessions", "tokens", "idempotencyKeys", "events"}
    assert printed.startswith("Enqueued as job ")
    assert wait_until_ended(running_program, printed.split()[3].rstrip(";"))["result"] == {"mails": 0}


def test_an_unknown_schedule_is_refused_with_the_names_that_exist(running_program: Program) -> None:
    with pytest.raises(CommandError) as error:
        run_in_process(running_program, "schedules", "run", "nightly")

    assert str(error.value) == (
        "there is no schedule 'nightly', only clean-up, seal-audit-log, weekly-report, daily-analytics, "
        "monthly-analytics"
    )
