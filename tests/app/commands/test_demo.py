"""`monynha demo`: example data that one can sign in to, created once."""

from __future__ import annotations

import json
from pathlib import Path

from tests.app.command_line import fetch_data, run_command, run_monynha, sign_in
from tests.journeys.program import SERVE, Program, run_program


def test_demo_is_created_once_and_can_be_signed_in_to(tmp_path: Path) -> None:
    with run_program(tmp_path, *SERVE) as program:
        first_run = run_command(program, "demo", "--json")
        second_run = run_command(program, "demo")
        accounts = json.loads(first_run.stdout)
        token = sign_in(program, accounts["emails"][0], accounts["password"]).json()["access_token"]
        projects = {project["name"] for project in fetch_data(program, token, "/projects")}

    assert projects == {"Website relaunch", "Spring fair"}
    assert second_run.stdout == "The demo exists already.\n"


def test_second_demo_is_null_as_json(program_with_demo: Program) -> None:
    assert json.loads(run_command(program_with_demo, "demo", "--json").stdout) is None


def test_demo_is_refused_in_production(tmp_path: Path) -> None:
    environ = {"APP_ENV": "production", "MONYNHA_AUTOCONFIRM": "on"}

    result = run_monynha("demo", "--data-dir", str(tmp_path), **environ)

    assert result.returncode == 1
    assert result.stderr.startswith("monynha: APP_ENV: ")
