"""What the running program writes to its log, and what it never writes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from monynha.core.settings.settings import Settings
from monynha.infra.embedded import run_servers
from tests.journeys.program import SERVE, run_program, stop_and_clean_up

FIELDS = {
    *("time", "level", "event", "method", "path", "query", "status", "duration"),
    *("ip", "userAgent", "userId", "requestId"),
}
SECRETS = ("correct horse 7 battery", "secret-in-a-query", "ada@example.com", "eyJ", "Sowing the meadow")
CREDENTIALS = {"email": "ada@example.com", "password": SECRETS[0]}

Log = tuple[str, list[dict[str, Any]]]
"""The whole text of the log, and its lines."""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    """The log of a user who signed up, worked, and met an internal error."""
    folder = tmp_path_factory.mktemp("data")
    environment = {
        "APP_ENV": "production",
        "MONYNHA_AUTOCONFIRM": "on",
        "MONYNHA_TRUSTED_PROXIES": "127.0.0.1",
    }
    with run_program(folder, *SERVE, **environment) as program:
        with httpx.Client(base_url=program.url, headers={"user-agent": "a browser"}, timeout=20) as client:
            client.post("/api/v1/users", json={"name": "Ada", **CREDENTIALS})
            signed_in = client.post("/auth/v1/token?grant_type=password", json=CREDENTIALS).json()
            client.headers["authorization"] = f"Bearer {signed_in['access_token']}"
            client.headers["x-forwarded-for"] = "2001:db8::7"
            client.get("/api/v1/tasks?q=secret-in-a-query", headers={"x-request-id": "mine"})
            client.post("/api/v1/posts", json={"title": "Sowing the meadow", "content": ""})
            asyncio.run(_break(folder))
            failed_response = client.get("/api/v1/posts", headers={"x-request-id": "broken"})
        program.stop()
        _, log_text = program.process.communicate()
        stop_and_clean_up(program)
    assert (500, {"code", "message", "requestId"}) == (
        failed_response.status_code,
        failed_response.json()["error"].keys(),
    )
    return log_text, [json.loads(line) for line in log_text.splitlines()]


async def _break(folder: Path) -> None:
    async with run_servers(Settings.read({"MONYNHA_DATA_DIR": str(folder)})) as server_urls:
        connection = await asyncpg.connect(server_urls.owner_url, server_settings={"role": "monynha_owner"})
        await connection.execute("alter table public.posts rename to lost")
        await connection.close()


def test_each_request_is_one_line_of_json_with_the_fields_of_the_contract(
    log: Log,
) -> None:
    _, lines = log

    assert [line["status"] for line in lines] == [201, 200, 200, 201, 500]
    assert all(line.keys() - {"err"} == FIELDS for line in lines)
    assert all(line["duration"] > 0 and line["time"].endswith("Z") for line in lines)
    assert [line["level"] for line in lines] == ["info"] * 4 + ["error"]
    assert {line["userAgent"] for line in lines} == {"a browser"}


def test_line_has_the_user_and_the_client_ip(log: Log) -> None:
    _, lines = log
    tasks = lines[2]

    assert (tasks["requestId"], tasks["ip"], tasks["query"]) == ("mine", "2001:db8::7", ["q"])
    assert lines[0]["userId"] is None
    assert tasks["userId"] == lines[3]["userId"] is not None


def test_internal_error_is_described_in_the_line_of_its_request(
    log: Log,
) -> None:
    _, lines = log
    [failed] = [line for line in lines if "err" in line]

    assert failed["requestId"] == "broken"
    assert failed["err"].keys() == {"type", "message", "stack"}
    assert (failed["err"]["type"], failed["err"]["message"]) == ("UndefinedTableError", "42P01")
    assert failed["err"]["stack"]


@pytest.mark.parametrize("secret", SECRETS)
def test_no_line_contains_what_was_sent(log: Log, secret: str) -> None:
    log_text, _ = log

    assert secret not in log_text


def test_orderly_stop_loses_no_line(tmp_path: Path) -> None:
    environment = {"APP_ENV": "production", "MONYNHA_AUTOCONFIRM": "on"}
    with run_program(tmp_path, *SERVE, **environment) as program:
        with httpx.Client(base_url=program.url, timeout=20) as client:
            for number in range(200):
                client.get("/healthz", headers={"x-request-id": f"request-{number}"})
        program.stop()
        _, log_text = program.process.communicate()

    request_ids = [json.loads(line)["requestId"] for line in log_text.splitlines()]
    assert request_ids == [f"request-{number}" for number in range(200)]
