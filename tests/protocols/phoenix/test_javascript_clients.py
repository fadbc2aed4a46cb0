"""The unmodified `@supabase/supabase-js`, the newest and 2.45, runs the seed's RealtimeService against us."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from monynha.app.commands.keys import make_key
from monynha.core.settings import Settings
from tests.node import NODE, Script, installed
from tests.people import People, Person

pytestmark = pytest.mark.anyio

HERE = Path(__file__).parent / "javascript"
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def packages() -> Path:
    """Return the folder of the scripts, with the clients that its lock file names beside them."""
    return installed(HERE)


@pytest.fixture(params=["supabase-new", "supabase-old"])
async def script(
    request: pytest.FixtureRequest,
    packages: Path,
    address: str,
    settings: Settings,
    ada: Person,
    project: dict[str, Any],
) -> AsyncIterator[Script]:
    key = make_key("anon", settings.jwt_secret)
    words = (request.param, f"http://{address}", key, ada.email, PASSWORD, project["id"])
    process = await asyncio.create_subprocess_exec(
        *(str(NODE), "realtime.mjs", *words), cwd=packages, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    yield Script(process)
    if process.returncode is None:
        process.kill()
    await process.wait()


@pytest.fixture
async def ada(people: People) -> Person:
    return await people.signed_up("Ada", PASSWORD)


@pytest.fixture
async def project(ada: Person) -> dict[str, Any]:
    return await ada.project()


async def test_the_seeds_realtime_service_works(
    script: Script, people: People, ada: Person, project: dict[str, Any]
) -> None:
    await script.until("ready")
    refused = await script.until("refused")
    bob = await people.member(project, ada, "admin", "Bob")
    task = await bob.task(project, title="Write", tags=["a", "b"], assigneeId=str(ada.id))
    await bob.put(f"/tasks/{task['id']}", {"title": "Write more"})
    await bob.delete(f"/tasks/{task['id']}")
    tasks = await script.until("tasks", 3)
    members = await script.until("project_members")
    told = await script.until("notifications")
    sent = await script.until("sent")
    waves = await script.until("broadcast")
    tracked = await script.until("tracked")
    while not any(one.get("state") for one in await script.until("presence")):
        await script.until("presence", len(await script.until("presence")) + 1)
    assert script.process.stdin
    script.process.stdin.write(b"leave\n")
    await script.until("left")

    assert ["INSERT", "UPDATE", "DELETE"] == [one["event"] for one in tasks]
    assert ("Write", ["a", "b"]) == (tasks[0]["new"]["title"], tasks[0]["new"]["tags"])
    assert ("Write", "Write more") == (tasks[1]["old"]["title"], tasks[1]["new"]["title"])
    assert task["id"] == tasks[2]["old"]["id"]
    assert [(str(bob.id), "admin")] == [(one["new"]["user_id"], one["new"]["role"]) for one in members]
    assert [("assigned", task["id"])] == [(one["new"]["type"], one["new"]["data"]["taskId"]) for one in told]
    assert ["ok"] == [one["answer"] for one in sent] == [one["answer"] for one in tracked]
    assert [("wave", {"text": "héllo", "n": 1})] == [(one["event"], one["payload"]) for one in waves]
    present = [one["state"] for one in await script.until("presence") if one["state"]]
    assert "desk" == present[-1][str(ada.id)][0]["at"]
    assert "permissions" in refused[0]["error"]
