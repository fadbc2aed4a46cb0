"""The unmodified `graphql-ws` and `graphql-sse` of npm subscribe against us, and so does GraphiQL's page."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tests.node import NODE, Script, installed
from tests.people import People, Person

pytestmark = pytest.mark.anyio

HERE = Path(__file__).parent / "javascript"


@pytest.fixture(scope="module")
def packages() -> Path:
    """Return the folder of the script, with the clients that its lock file names beside it."""
    return installed(HERE)


@pytest.fixture
async def bob(people: People, ada: Person, project: dict[str, Any]) -> Person:
    return await people.member(project, ada, "member", "Bob")


@asynccontextmanager
async def running(folder: Path, name: str, *words: str) -> AsyncIterator[Script]:
    """Run a script."""
    process = await asyncio.create_subprocess_exec(
        *(str(NODE), name, *words), cwd=folder, stdin=PIPE, stdout=PIPE, stderr=PIPE
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
    people: People,
    bob: Person,
    project: dict[str, Any],
) -> AsyncIterator[Script]:
    foreign = await (await people.new("Eve")).project()
    words = (request.param, f"http://{address}/graphql", bob.token, foreign["id"], project["id"])
    async with running(packages, "subscribe.mjs", *words) as found:
        yield found


def codes(told: dict[str, Any]) -> list[str]:
    """Return the codes of the errors that a client was given, by either transport."""
    errors = told["error"] if "error" in told else told["answer"]["errors"]
    return [one["extensions"]["code"] for one in errors]


async def test_the_clients_of_npm_subscribe(
    script: Script, ada: Person, bob: Person, project: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    is_socket = "graphql-ws" in request.node.name
    tail = " error" if is_socket else ""
    await script.until("ready")
    refused, invalid = [await script.until(f"{what}{tail}") for what in ("refused", "invalid")]
    query = await script.until("query")
    await script.until("query complete")
    task = await ada.task(project, title="Write", assigneeId=str(bob.id))
    created = await script.until("task")
    await ada.delete(f"/tasks/{task['id']}")
    both = await script.until("task", 2)
    await ada.delete(f"/projects/{project['id']}/members/{bob.id}")
    if is_socket:
        removed = (await script.until("task error"))[0]
    else:
        removed = (await script.until("task", 3))[2]
        await script.until("task complete")

    assert (["NOT_FOUND"], ["BAD_REQUEST"]) == (codes(refused[0]), codes(invalid[0]))
    assert {"data": {"__typename": "Query"}} == query[0]["answer"]
    shown = {"action": "created", "title": "Write", "assignee": {"name": "Bob"}}
    assert {"data": {"taskChanged": shown}} == created[0]["answer"]
    assert "deleted" == both[1]["answer"]["data"]["taskChanged"]["action"]
    assert ["NOT_FOUND"] == codes(removed)


@pytest.mark.parametrize("script", ["graphql-ws"], indirect=True)
async def test_a_sign_out_closes_the_clients_socket(script: Script, people: People, bob: Person) -> None:
    await script.until("ready")
    await people.end_session(bob)

    assert 4403 == (await script.until("closed"))[0]["code"]


async def test_the_page_to_try_queries_on_subscribes(
    packages: Path, address: str, ada: Person, project: dict[str, Any]
) -> None:
    page = str(files("monynha").joinpath("web", "graphiql", "page.js"))
    words = (page, f"http://{address}", ada.token, project["id"])
    async with running(packages, "graphiql.mjs", *words) as script:
        await script.until("ready")
        await ada.task(project, title="T")
        told = (await script.until("task"))[0]["answer"]
        stopped = await script.until("stopped")
        query, forged = [(await script.until(what))[0]["answer"] for what in ("query", "forged")]

    assert {"data": {"taskChanged": {"title": "T"}}} == told
    assert ("plain", [{"what": "stopped", "done": True}]) == (query, stopped)
    assert "UNAUTHENTICATED" == forged["errors"][0]["extensions"]["code"]
