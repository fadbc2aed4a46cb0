"""`monynha keys`: the URL and the keys with which clients connect."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
from joserfc import jwt
from joserfc.jwk import OctKey

from tests.app.command_line import run_command, run_monynha
from tests.journeys.program import Program

NEW_USER = {"email": "ada@example.com", "password": "a long secret"}


def test_url_is_the_one_that_is_served(running_program: Program) -> None:
    session = httpx.post(f"{running_program.url}/auth/v1/signup", json=NEW_USER).json()
    keys = json.loads(run_command(running_program, "keys", "--json").stdout)

    assert keys["url"] == running_program.url
    claims = jwt.decode(session["access_token"], OctKey.import_key(keys["jwtSecret"])).claims
    assert claims["iss"] == f"{running_program.url}/auth/v1"


def test_site_url_takes_precedence(tmp_path: Path) -> None:
    result = run_monynha("keys", "--json", MONYNHA_DATA_DIR=str(tmp_path), SITE_URL="https://board.example/")

    assert json.loads(result.stdout)["url"] == "https://board.example"


def test_keys_are_signed_and_the_same_each_time(tmp_path: Path) -> None:
    keys = json.loads(run_monynha("keys", "--json", "--data-dir", str(tmp_path)).stdout)
    second_keys = json.loads(run_monynha("keys", "--json", MONYNHA_DATA_DIR=str(tmp_path)).stdout)
    key = OctKey.import_key(keys["jwtSecret"])
    anon, service = (jwt.decode(keys[name], key).claims for name in ("anonKey", "serviceRoleKey"))

    assert keys == second_keys
    assert set(keys) == {"url", "anonKey", "serviceRoleKey", "jwtSecret", "publishableKey", "secretKey"}
    assert (anon["iss"], anon["role"]) == ("monynha", "anon")
    assert (service["iss"], service["role"]) == ("monynha", "service_role")
    assert "sub" not in anon | service
    assert anon["exp"] - anon["iat"] > 9 * 365 * 86400
