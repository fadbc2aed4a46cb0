"""The unmodified `@supabase/supabase-js`, the newest and 2.45, runs the seed's RealtimeService against us."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from monynha.app.commands.keys import make_key
from monynha.core.settings.settings import Settings
from tests.node import NODE, Script, install_packages
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

HERE = Path(__file__).parent / "javascript"
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def packages() -> Path:
    """Return the folder of the scripts, with the clients that its lock file names beside them."""
    return install_packages(HERE)


@pytest.fixture(params=["supabase-new", "supabase-old"])
async def script(
    request: pytest.FixtureRequest,
    packages: Path,
    address: str,
    settings: Settings,
    user: ApiUser,
    project: dict[str, Any],
) -> AsyncIterator[Script]:
    key = make_key("anon", settings.jwt_secret)
    arguments = (request.param, f"http://{address}", key, user.email, PASSWORD, project["id"])
    process = await asyncio.create_subprocess_exec(
        *(str(NODE), "realtime.mjs", *arguments), cwd=packages, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    yield Script(process)
    if process.returncode is None:
        process.kill()
    await process.wait()


@pytest.fixture
async def user(users: UserFactory) -> ApiUser:
    return await users.sign_up("Ada", PASSWORD)


@pytest.fixture
async def project(user: ApiUser) -> dict[str, Any]:
    return await user.create_project()


async def test_supabase_js_runs_the_realtime_service(
    script: Script, users: UserFactory, user: ApiUser, project: dict[str, Any]
) -> None:
    await script.wait_for("ready")
    refusals = await script.wait_for("refused")
    member = await users.create_member(project, user, "admin", "Bob")
    task = await member.create_task(project, title="Write", tags=["a", "b"], assigneeId=str(user.id))
    await member.put(f"/tasks/{task['id']}", {"title": "Write more"})
    await member.delete(f"/tasks/{task['id']}")
    tasks = await script.wait_for("tasks", 3)
    members = await script.wait_for("project_members")
    notifications = await script.wait_for("notifications")
    sent = await script.wait_for("sent")
    broadcasts = await script.wait_for("broadcast")
    tracked = await script.wait_for("tracked")
    while not any(presence.get("state") for presence in await script.wait_for("presence")):
        await script.wait_for("presence", len(await script.wait_for("presence")) + 1)
    assert script.process.stdin
    script.process.stdin.write(b"leave\n")
    await script.wait_for("left")

    assert [change["event"] for change in tasks] == ["INSERT", "UPDATE", "DELETE"]
    assert (tasks[0]["new"]["title"], tasks[0]["new"]["tags"]) == ("Write", ["a", "b"])
    assert (tasks[1]["old"]["title"], tasks[1]["new"]["title"]) == ("Write", "Write more")
    assert task["id"] == tasks[2]["old"]["id"]
    assert [(change["new"]["user_id"], change["new"]["role"]) for change in members] == [(str(member.id), "admin")]
    assert [(change["new"]["type"], change["new"]["data"]["taskId"]) for change in notifications] == [
        ("assigned", task["id"])
    ]
    assert [reply["answer"] for reply in (*sent, *tracked)] == ["ok", "ok"]
    assert [(message["event"], message["payload"]) for message in broadcasts] == [("wave", {"text": "héllo", "n": 1})]
    presence_states = [presence["state"] for presence in await script.wait_for("presence") if presence["state"]]
    assert presence_states[-1][str(user.id)][0]["at"] == "desk"
    assert "permissions" in refusals[0]["error"]
