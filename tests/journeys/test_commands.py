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
from tests.journeys.program import run_program

MONYNHA = str(Path(sys.executable).with_name("monynha"))
NEW_USER = {"email": "ada@example.com", "password": "a long secret"}
WITHOUT_DATA_DIR = {"openapi"}
COMMANDS = sorted(name for name in make_app() if not name.startswith("-"))


def run_monynha(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [MONYNHA, *arguments],
        cwd="/",
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_tells_how_it_is_used_with_an_example(command: str) -> None:
    help_text = run_monynha(command, "--help").stdout

    assert f"Example: monynha {command}" in help_text
    assert ("--data-dir" in help_text) is (command not in WITHOUT_DATA_DIR)


def test_the_overview_names_every_command() -> None:
    help_text = run_monynha().stdout

    assert all(f" {command} " in help_text for command in COMMANDS)


def test_the_program_itself_serves_and_tells_clients_how_to_reach_it(tmp_path: Path) -> None:
    with run_program(tmp_path, MONYNHA, "serve", "--data-dir", str(tmp_path), "--port", "0") as program:
        response = program.get("/healthz")
        session = httpx.post(f"{program.url}/auth/v1/signup", json=NEW_USER).json()
        keys = json.loads(run_monynha("keys", "--json", "--data-dir", str(tmp_path)).stdout)
        exit_code = program.stop()

    assert response.status_code == 200
    assert keys["url"] == program.url
    claims = jwt.decode(session["access_token"], OctKey.import_key(keys["jwtSecret"])).claims
    assert claims["iss"] == f"{program.url}/auth/v1"
    assert exit_code == 0


def test_keys_are_signed_and_the_same_each_time(tmp_path: Path) -> None:
    keys = json.loads(run_monynha("keys", "--json", "--data-dir", str(tmp_path)).stdout)
    second_keys = json.loads(run_monynha("keys", "--json", MONYNHA_DATA_DIR=str(tmp_path)).stdout)
    key = OctKey.import_key(keys["jwtSecret"])
    anon, service = (jwt.decode(keys[name], key).claims for name in ("anonKey", "serviceRoleKey"))

    assert second_keys == keys
    assert set(keys) == {"url", "anonKey", "serviceRoleKey", "jwtSecret"}
    assert (anon["iss"], anon["role"]) == ("monynha", "anon")
    assert (service["iss"], service["role"]) == ("monynha", "service_role")
    assert "sub" not in anon | service
    assert anon["exp"] - anon["iat"] > 9 * 365 * 86400


def test_an_address_that_is_set_is_the_one_that_is_told(tmp_path: Path) -> None:
    result = run_monynha("keys", "--json", MONYNHA_DATA_DIR=str(tmp_path), SITE_URL="https://board.example/")

    assert json.loads(result.stdout)["url"] == "https://board.example"


def test_a_wrong_option_is_refused_in_one_line(tmp_path: Path) -> None:
    result = run_monynha("serve", "--services", "api,storage", "--data-dir", str(tmp_path))

    assert result.returncode == 1
    assert result.stderr == "monynha: MONYNHA_SERVICES: the service 'storage' is not built yet\n"
    assert result.stdout == ""


def test_a_backup_of_a_running_program_is_restored_elsewhere_with_its_keys(tmp_path: Path) -> None:
    old_dir, new_dir, backup_dir = str(tmp_path / "old"), str(tmp_path / "new"), str(tmp_path / "backup")
    with run_program(tmp_path / "old", MONYNHA, "serve"):
        backup = run_monynha("backup", backup_dir, "--json", "--data-dir", old_dir)
    restored = run_monynha("restore", backup_dir, "--json", "--data-dir", new_dir)
    second_restore = run_monynha("restore", backup_dir, "--data-dir", new_dir)

    assert json.loads(backup.stdout) == json.loads(restored.stdout)
    assert json.loads(backup.stdout)["rows"] > 0
    assert run_monynha("keys", "--data-dir", new_dir).stdout == run_monynha("keys", "--data-dir", old_dir).stdout
    assert second_restore.returncode == 1
    assert (
        second_restore.stderr == "monynha: the database is not empty; restore into a new --data-dir or a new database\n"
    )
