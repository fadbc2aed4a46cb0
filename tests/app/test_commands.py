"""The commands of the house, run as an operator runs them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.journeys.program import CLI, SERVE, Program, running

HOUR_S = 60


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A program that serves, beside which commands are run."""
    with running(tmp_path_factory.mktemp("data"), *SERVE, MONYNHA_LIMIT_AUTH="off") as found:
        yield found


def ran(program: Program, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command on the program's data folder."""
    command = [*CLI, *words, "--data-dir", str(program.data_dir)]
    return subprocess.run(command, input=typed, capture_output=True, text=True, timeout=HOUR_S, check=False)


def signed_in(program: Program, email: str, password: str) -> httpx.Response:
    body = {"email": email, "password": password}
    return httpx.post(f"{program.url}/auth/v1/token?grant_type=password", json=body)


def seen(program: Program, token: str, path: str) -> list[dict[str, Any]]:
    answer = httpx.get(f"{program.url}/api/v1{path}", headers={"authorization": f"Bearer {token}"})
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


def test_the_demo_is_made_once_and_can_be_signed_in_to(program: Program) -> None:
    made = json.loads(ran(program, "demo", "--json").stdout)
    again = ran(program, "demo")
    token = signed_in(program, made["emails"][0], made["password"]).json()["access_token"]

    assert {"Website relaunch", "Spring fair"} == {one["name"] for one in seen(program, token, "/projects")}
    assert again.stdout == "The demo is there already.\n"


def test_an_admin_sees_what_everybody_made_and_a_demoted_one_is_let_in_as_a_person(program: Program) -> None:
    ran(program, "demo")
    created = ran(program, "create-admin", "root@example.com", "--json", typed="a very long secret\n")
    token = signed_in(program, "root@example.com", "a very long secret").json()["access_token"]

    assert json.loads(created.stdout)["email"] == "root@example.com"
    assert len(seen(program, token, "/projects")) == 3


def test_create_admin_raises_somebody_who_is_there(program: Program) -> None:
    body = {"name": "Mo", "email": "mo@example.com", "password": "mo's own secret"}
    httpx.post(f"{program.url}/api/v1/users", json=body)
    before = signed_in(program, "mo@example.com", "mo's own secret").json()["access_token"]
    seen_before = seen(program, before, "/projects")

    raised = ran(program, "create-admin", "mo@example.com")

    assert raised.stdout == "mo@example.com is an admin.\n"
    assert seen_before == []
    # The token of before is still theirs: it shows what they are now.
    assert len(seen(program, before, "/projects")) == 3


def test_set_password_ends_the_sessions_and_the_old_password(program: Program) -> None:
    body = {"name": "Ida", "email": "ida@example.com", "password": "the old secret"}
    httpx.post(f"{program.url}/api/v1/users", json=body)
    token = signed_in(program, "ida@example.com", "the old secret").json()["access_token"]

    done = ran(program, "set-password", "ida@example.com", typed="the new secret\n")

    assert done.returncode == 0, done.stderr
    answer = httpx.get(f"{program.url}/api/v1/users/me", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert signed_in(program, "ida@example.com", "the old secret").status_code == 400
    assert signed_in(program, "ida@example.com", "the new secret").status_code == 200


@pytest.mark.parametrize(
    ("words", "typed", "says"),
    [
        (("set-password", "nobody@example.com"), "a fine secret\n", "nobody@example.com"),
        (("set-password", "root@example.com"), "short\n", "password must have at least 8 characters"),
        (("create-admin", "no address"), "a fine secret\n", "email is no valid mail address"),
    ],
)
def test_a_refused_command_says_why_in_one_line(
    program: Program, words: tuple[str, ...], typed: str, says: str
) -> None:
    refused = ran(program, *words, typed=typed)

    assert refused.returncode == 1
    assert refused.stderr.startswith("monynha: ")
    assert says in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_the_doctor_finds_nothing_dangerous(program: Program) -> None:
    examined = ran(program, "doctor", "--json")

    checks = {one["check"]: one["level"] for one in json.loads(examined.stdout)}
    assert examined.returncode == 0
    assert {"database": "fine", "login": "fine", "rights": "fine", "valkey": "fine"}.items() <= checks.items()


def test_migrating_what_is_migrated_changes_nothing(program: Program) -> None:
    assert json.loads(ran(program, "migrate", "--json").stdout)["changed"] is False


def test_a_demo_is_refused_in_production(program: Program, tmp_path: Path) -> None:
    words = [*CLI, "demo", "--data-dir", str(tmp_path)]
    env = {"APP_ENV": "production", "MONYNHA_AUTOCONFIRM": "on", "PATH": ""}

    refused = subprocess.run(words, env=env, capture_output=True, text=True, timeout=HOUR_S, check=False)

    assert refused.returncode == 1
    assert "APP_ENV" in refused.stderr
