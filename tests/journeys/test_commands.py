"""The commands, as a person types them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from monynha.app.cli import make_app
from tests.journeys.program import running

MONYNHA = str(Path(sys.executable).with_name("monynha"))
NEW = {"email": "ada@example.com", "password": "a long secret"}
NEEDS_NO_DATA = {"openapi"}
COMMANDS = sorted(name for name in make_app() if not name.startswith("-"))


def monynha(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [MONYNHA, *words],
        cwd="/",
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_tells_how_it_is_used_with_an_example(command: str) -> None:
    told = monynha(command, "--help").stdout

    assert f"Example: monynha {command}" in told
    assert ("--data-dir" in told) is (command not in NEEDS_NO_DATA)


def test_the_overview_names_every_command() -> None:
    told = monynha().stdout

    assert all(f" {command} " in told for command in COMMANDS)


def test_the_program_itself_serves_and_tells_clients_how_to_reach_it(tmp_path: Path) -> None:
    with running(tmp_path, MONYNHA, "serve", "--data-dir", str(tmp_path), "--port", "0") as program:
        answer = program.get("/healthz")
        session = httpx.post(f"{program.url}/auth/v1/signup", json=NEW).json()
        found = json.loads(monynha("keys", "--json", "--data-dir", str(tmp_path)).stdout)
        code = program.stop()

    assert answer.status_code == 200
    assert found["url"] == program.url
    claims = jwt.decode(session["access_token"], OctKey.import_key(found["jwtSecret"])).claims
    assert claims["iss"] == f"{program.url}/auth/v1"
    assert code == 0


def test_keys_are_signed_and_the_same_each_time(tmp_path: Path) -> None:
    found = json.loads(monynha("keys", "--json", "--data-dir", str(tmp_path)).stdout)
    again = json.loads(monynha("keys", "--json", MONYNHA_DATA_DIR=str(tmp_path)).stdout)
    key = OctKey.import_key(found["jwtSecret"])
    anon, service = (jwt.decode(found[name], key).claims for name in ("anonKey", "serviceRoleKey"))

    assert again == found
    assert set(found) == {"url", "anonKey", "serviceRoleKey", "jwtSecret"}
    assert (anon["iss"], anon["role"]) == ("monynha", "anon")
    assert (service["iss"], service["role"]) == ("monynha", "service_role")
    assert "sub" not in anon | service
    assert anon["exp"] - anon["iat"] > 9 * 365 * 86400


def test_an_address_that_is_set_is_the_one_that_is_told(tmp_path: Path) -> None:
    told = monynha("keys", "--json", MONYNHA_DATA_DIR=str(tmp_path), SITE_URL="https://board.example/")

    assert json.loads(told.stdout)["url"] == "https://board.example"


def test_a_wrong_option_is_refused_in_one_line(tmp_path: Path) -> None:
    told = monynha("serve", "--services", "api,storage", "--data-dir", str(tmp_path))

    assert told.returncode == 1
    assert told.stderr == "monynha: MONYNHA_SERVICES: the service 'storage' is not built yet\n"
    assert told.stdout == ""


def test_a_backup_of_a_running_program_is_restored_elsewhere_with_its_keys(tmp_path: Path) -> None:
    old, new, place = str(tmp_path / "old"), str(tmp_path / "new"), str(tmp_path / "backup")
    with running(tmp_path / "old", MONYNHA, "serve"):
        made = monynha("backup", place, "--json", "--data-dir", old)
    restored = monynha("restore", place, "--json", "--data-dir", new)
    again = monynha("restore", place, "--data-dir", new)

    assert json.loads(made.stdout) == json.loads(restored.stdout)
    assert json.loads(made.stdout)["rows"] > 0
    assert monynha("keys", "--data-dir", new).stdout == monynha("keys", "--data-dir", old).stdout
    assert again.returncode == 1
    assert (
        again.stderr
        == "monynha: the database is not empty; restore into a new --data-dir or a new database\n"
    )
