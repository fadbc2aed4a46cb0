"""What the running program writes to its log, and what it never does."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from monynha.core.settings import Settings
from monynha.infra.embedded import servers
from tests.journeys.program import SERVE, end, running

FIELDS = {
    *("time", "level", "event", "method", "path", "query", "status", "duration"),
    *("ip", "userAgent", "userId", "requestId"),
}
SECRETS = ("correct horse 7 battery", "secret-in-a-query", "ada@example.com", "eyJ", "Sowing the meadow")
ADA = {"email": "ada@example.com", "password": SECRETS[0]}

Log = tuple[str, list[dict[str, Any]]]
"""All that was written, and its lines."""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    """Return what was written while somebody signed up, worked, and met a fault of ours."""
    folder = tmp_path_factory.mktemp("data")
    given = {"APP_ENV": "production", "MONYNHA_AUTOCONFIRM": "on", "MONYNHA_TRUSTED_PROXIES": "127.0.0.1"}
    with running(folder, *SERVE, **given) as program:
        with httpx.Client(base_url=program.url, headers={"user-agent": "a browser"}, timeout=20) as client:
            client.post("/api/v1/users", json={"name": "Ada", **ADA})
            signed_in = client.post("/auth/v1/token?grant_type=password", json=ADA).json()
            client.headers["authorization"] = f"Bearer {signed_in['access_token']}"
            client.headers["x-forwarded-for"] = "2001:db8::7"
            client.get("/api/v1/tasks?q=secret-in-a-query", headers={"x-request-id": "mine"})
            client.post("/api/v1/posts", json={"title": "Sowing the meadow", "content": ""})
            asyncio.run(_break(folder))
            broken = client.get("/api/v1/posts", headers={"x-request-id": "broken"})
        program.stop()
        _, told = program.process.communicate()
        end(program)
    assert (500, {"code", "message", "requestId"}) == (broken.status_code, broken.json()["error"].keys())
    return told, [json.loads(line) for line in told.splitlines()]


async def _break(folder: Path) -> None:
    async with servers(Settings.read({"MONYNHA_DATA_DIR": str(folder)})) as found:
        connection = await asyncpg.connect(found.owner_url, server_settings={"role": "monynha_owner"})
        await connection.execute("alter table public.posts rename to lost")
        await connection.close()


def test_each_request_is_one_line_of_json_with_the_fields_of_the_contract(
    log: Log,
) -> None:
    _, lines = log

    assert [201, 200, 200, 201, 500] == [line["status"] for line in lines]
    assert all(line.keys() - {"err"} == FIELDS for line in lines)
    assert all(line["duration"] > 0 and line["time"].endswith("Z") for line in lines)
    assert ["info"] * 4 + ["error"] == [line["level"] for line in lines]
    assert {"a browser"} == {line["userAgent"] for line in lines}


def test_a_line_tells_who_asked_from_where(log: Log) -> None:
    _, lines = log
    tasks = lines[2]

    assert ("mine", "2001:db8::7", ["q"]) == (tasks["requestId"], tasks["ip"], tasks["query"])
    assert lines[0]["userId"] is None
    assert tasks["userId"] == lines[3]["userId"] is not None


def test_a_fault_of_ours_is_described_on_the_line_of_its_request(
    log: Log,
) -> None:
    _, lines = log
    [failed] = [line for line in lines if "err" in line]

    assert "broken" == failed["requestId"]
    assert {"type", "message", "stack"} == failed["err"].keys()
    assert ("UndefinedTableError", "42P01") == (failed["err"]["type"], failed["err"]["message"])
    assert failed["err"]["stack"]


@pytest.mark.parametrize("secret", SECRETS)
def test_no_line_tells_what_was_sent(log: Log, secret: str) -> None:
    told, _ = log

    assert secret not in told
