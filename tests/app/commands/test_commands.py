"""The commands of the house, run as an operator runs them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.journeys.program import CLI, SERVE, Program, run_program

TIMEOUT_S = 60


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A program that serves, beside which commands are run."""
    with run_program(tmp_path_factory.mktemp("data"), *SERVE, MONYNHA_LIMIT_AUTH="off") as program:
        yield program


def run_command(program: Program, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command on the program's data folder."""
    command = [*CLI, *arguments, "--data-dir", str(program.data_dir)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


def sign_in(program: Program, email: str, password: str) -> httpx.Response:
    body = {"email": email, "password": password}
    return httpx.post(f"{program.url}/auth/v1/token?grant_type=password", json=body)


def fetch_data(program: Program, token: str, path: str) -> list[dict[str, Any]]:
    response = httpx.get(f"{program.url}/api/v1{path}", headers={"authorization": f"Bearer {token}"})
    data: list[dict[str, Any]] = response.json()["data"]
    return data


def test_the_demo_is_made_once_and_can_be_signed_in_to(program: Program) -> None:
    demo = json.loads(run_command(program, "demo", "--json").stdout)
    second_run = run_command(program, "demo")
    token = sign_in(program, demo["emails"][0], demo["password"]).json()["access_token"]

    assert {one["name"] for one in fetch_data(program, token, "/projects")} == {"Website relaunch", "Spring fair"}
    assert second_run.stdout == "The demo is there already.\n"


def test_an_admin_sees_what_everybody_made_and_a_demoted_one_is_let_in_as_a_person(program: Program) -> None:
    run_command(program, "demo")
    created = run_command(program, "create-admin", "root@example.com", "--json", stdin="a very long secret\n")
    token = sign_in(program, "root@example.com", "a very long secret").json()["access_token"]

    assert json.loads(created.stdout)["email"] == "root@example.com"
    assert len(fetch_data(program, token, "/projects")) == 3


def test_create_admin_raises_somebody_who_is_there(program: Program) -> None:
    body = {"name": "Mo", "email": "mo@example.com", "password": "mo's own secret"}
    httpx.post(f"{program.url}/api/v1/users", json=body)
    token = sign_in(program, "mo@example.com", "mo's own secret").json()["access_token"]
    visible_before = fetch_data(program, token, "/projects")

    result = run_command(program, "create-admin", "mo@example.com")

    assert result.stdout == "mo@example.com is an admin.\n"
    assert visible_before == []
    # The token of before is still theirs: it shows what they are now.
    assert len(fetch_data(program, token, "/projects")) == 3


def test_set_password_ends_the_sessions_and_the_old_password(program: Program) -> None:
    body = {"name": "Ida", "email": "ida@example.com", "password": "the old secret"}
    httpx.post(f"{program.url}/api/v1/users", json=body)
    token = sign_in(program, "ida@example.com", "the old secret").json()["access_token"]

    result = run_command(program, "set-password", "ida@example.com", stdin="the new secret\n")

    assert result.returncode == 0, result.stderr
    response = httpx.get(f"{program.url}/api/v1/users/me", headers={"authorization": f"Bearer {token}"})
    assert response.status_code == 401
    assert sign_in(program, "ida@example.com", "the old secret").status_code == 400
    assert sign_in(program, "ida@example.com", "the new secret").status_code == 200


@pytest.mark.parametrize(
    ("words", "typed", "says"),
    [
        (("set-password", "nobody@example.com"), "a fine secret\n", "nobody@example.com"),
        (("set-password", "root@example.com"), "short\n", "password must be at least 8 characters"),
        (("create-admin", "no address"), "a fine secret\n", "email must be a valid email address"),
    ],
)
def test_a_refused_command_says_why_in_one_line(
    program: Program, arguments: tuple[str, ...], stdin: str, message: str
) -> None:
    result = run_command(program, *arguments, stdin=stdin)

    assert result.returncode == 1
    assert result.stderr.startswith("monynha: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_doctor_finds_nothing_dangerous(program: Program) -> None:
    result = run_command(program, "doctor", "--json")

    checks = {one["check"]: one["level"] for one in json.loads(result.stdout)}
    assert result.returncode == 0
    assert {"database": "fine", "login": "fine", "rights": "fine", "valkey": "fine"}.items() <= checks.items()


def test_migrating_what_is_migrated_changes_nothing(program: Program) -> None:
    assert json.loads(run_command(program, "migrate", "--json").stdout)["changed"] is False


def test_a_demo_is_refused_in_production(program: Program, tmp_path: Path) -> None:
    command = [*CLI, "demo", "--data-dir", str(tmp_path)]
    env = {"APP_ENV": "production", "MONYNHA_AUTOCONFIRM": "on", "PATH": ""}

    result = subprocess.run(command, env=env, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)

    assert result.returncode == 1
    assert "APP_ENV" in result.stderr
