"""The npm clients `graphql-ws` and `graphql-sse` subscribe unmodified, and so does the GraphiQL page."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tests.node import NODE, Script, install_packages
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

HERE = Path(__file__).parent / "javascript"


@pytest.fixture(scope="module")
def packages() -> Path:
    """Return the folder of the scripts, with the clients of its lock file installed."""
    return install_packages(HERE)


@pytest.fixture
async def member(users: UserFactory, user: ApiUser, project: dict[str, Any]) -> ApiUser:
    return await users.create_member(project, user, "member", "Bob")


@asynccontextmanager
async def run_script(folder: Path, name: str, *arguments: str) -> AsyncIterator[Script]:
    """Run a script in Node."""
    process = await asyncio.create_subprocess_exec(
        *(str(NODE), name, *arguments), cwd=folder, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    yield Script(process)
    if process.returncode is None:
        process.kill()
    await process.wait()


@pytest.fixture(params=["graphql-ws", "graphql-sse"])
async def script(
    request: pytest.FixtureRequest,
    packages: Path,
    address: str,
    users: UserFactory,
    member: ApiUser,
    project: dict[str, Any],
) -> AsyncIterator[Script]:
    other_project = await (await users.create("Eve")).create_project()
    arguments = (request.param, f"http://{address}/graphql", member.token, other_project["id"], project["id"])
    async with run_script(packages, "subscribe.mjs", *arguments) as running_script:
        yield running_script


def error_codes(message: dict[str, Any]) -> list[str]:
    """Return the codes of the errors that a client received, by either transport."""
    errors = message["error"] if "error" in message else message["answer"]["errors"]
    return [error["extensions"]["code"] for error in errors]


async def test_npm_clients_subscribe(
    script: Script, user: ApiUser, member: ApiUser, project: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    is_socket = "graphql-ws" in request.node.name
    tail = " error" if is_socket else ""
    await script.wait_for("ready")
    not_found, invalid = [await script.wait_for(f"{what}{tail}") for what in ("refused", "invalid")]
    query = await script.wait_for("query")
    await script.wait_for("query complete")
    task = await user.create_task(project, title="Write", assigneeId=str(member.id))
    created = await script.wait_for("task")
    await user.delete(f"/tasks/{task['id']}")
    both = await script.wait_for("task", 2)
    await user.delete(f"/projects/{project['id']}/members/{member.id}")
    if is_socket:
        removed = (await script.wait_for("task error"))[0]
    else:
        removed = (await script.wait_for("task", 3))[2]
        await script.wait_for("task complete")

    assert (error_codes(not_found[0]), error_codes(invalid[0])) == (["NOT_FOUND"], ["BAD_REQUEST"])
    assert query[0]["answer"] == {"data": {"__typename": "Query"}}
    payload = {"action": "created", "title": "Write", "assignee": {"name": "Bob"}}
    assert created[0]["answer"] == {"data": {"taskChanged": payload}}
    assert both[1]["answer"]["data"]["taskChanged"]["action"] == "deleted"
    assert error_codes(removed) == ["NOT_FOUND"]


@pytest.mark.parametrize("script", ["graphql-ws"], indirect=True)
async def test_sign_out_closes_the_socket_of_the_client(script: Script, users: UserFactory, member: ApiUser) -> None:
    await script.wait_for("ready")
    await users.end_session(member)

    assert (await script.wait_for("closed"))[0]["code"] == 4403


async def test_graphiql_fetcher_subscribes(
    packages: Path, address: str, user: ApiUser, project: dict[str, Any]
) -> None:
    page = str(files("monynha").joinpath("web", "graphiql", "page.js"))
    arguments = (page, f"http://{address}", user.token, project["id"])
    async with run_script(packages, "graphiql.mjs", *arguments) as script:
        await script.wait_for("ready")
        await user.create_task(project, title="T")
        result = (await script.wait_for("task"))[0]["answer"]
        stopped = await script.wait_for("stopped")
        query, forged = [(await script.wait_for(what))[0]["answer"] for what in ("query", "forged")]

    assert result == {"data": {"taskChanged": {"title": "T"}}}
    assert (query, stopped) == ("plain", [{"what": "stopped", "done": True}])
    assert forged["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
