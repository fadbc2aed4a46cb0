"""A project's events as server-sent events: live, from a version on, and after a break."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import pytest

from monynha.app.asgi import Program
from monynha.engine.history import Stream
from tests.live import PATIENCE_S
from tests.people import People, Person

pytestmark = pytest.mark.anyio


@dataclass
class Reader:
    """Reads an answer's events."""

    lines: AsyncIterator[str]
    last_id: str = ""
    pieces: list[dict[str, Any]] = field(default_factory=list)

    async def next(self) -> dict[str, Any]:
        """Return the next event."""
        found: dict[str, Any] = {}
        async with asyncio.timeout(PATIENCE_S):
            async for line in self.lines:
                name, _, value = line.partition(": ")
                if name == "id":
                    self.last_id = value
                elif name in ("event", "data"):
                    found[name] = value
                elif not line and found:
                    return {"event": found["event"], **json.loads(found["data"])}
        raise AssertionError("the answer ended")


@asynccontextmanager
async def reading(address: str, person: Person, path: str, **headers: str) -> AsyncIterator[Reader]:
    """Open a stream."""
    given = {"authorization": f"Bearer {person.token}", **headers}
    async with (
        httpx.AsyncClient(base_url=f"http://{address}/api/v1", timeout=10) as client,
        client.stream("GET", path, headers=given) as answer,
    ):
        assert 200 == answer.status_code
        assert "text/event-stream" == answer.headers["content-type"]
        yield Reader(answer.aiter_lines())


async def test_it_goes_on_where_a_client_left(address: str, ada: Person) -> None:
    project = await ada.project()
    path = f"/projects/{project['id']}/events"
    async with reading(address, ada, f"{path}?since=0") as reader:
        old = [(await reader.next())["event"] for _ in range(2)]
        task = await ada.task(project, title="Live")
        live = await reader.next()
        last = reader.last_id
    await ada.put(f"/tasks/{task['id']}", {"title": "Missed"})
    async with reading(address, ada, f"{path}?since=0", **{"last-event-id": last}) as reader:
        missed = await reader.next()

    assert ["member_created", "project_created"] == old
    assert ("task_created", task) == (live["event"], live["task"])
    assert ("task_updated", "Missed") == (missed["event"], missed["task"]["title"])
    assert int(last) + 1 == missed["version"]


async def test_a_version_ahead_of_the_history_is_told_to_ask_again(address: str, ada: Person) -> None:
    project = await ada.project()
    async with reading(address, ada, f"/projects/{project['id']}/events?since=99") as reader:
        assert {"event": "ask_again", "projectId": project["id"], "version": 2} == await reader.next()


async def test_the_removed_hear_that_and_no_more(address: str, people: People, ada: Person) -> None:
    project = await ada.project()
    bob = await people.member(project, ada, "viewer")
    async with reading(address, bob, f"/projects/{project['id']}/events") as reader:
        await ada.delete(f"/projects/{project['id']}/members/{bob.id}")
        await ada.task(project)

        heard = [(await reader.next())["event"] for _ in range(2)]

        assert ["member_deleted", "removed"] == heard
        with pytest.raises(AssertionError, match="ended"):
            await reader.next()


@pytest.mark.parametrize("since", ["-1", "x", "1.5", "", "9" * 30])
async def test_a_version_that_is_none_is_refused(ada: Person, since: str) -> None:
    project = await ada.project()

    answer = await ada.get(f"/projects/{project['id']}/events", params={"since": since})

    assert 400 == answer.status_code
    assert ["since"] == list(answer.json()["error"]["details"])


async def test_strangers_learn_nothing(people: People, ada: Person) -> None:
    project = await ada.project()
    path = f"/projects/{project['id']}/events"

    assert 404 == (await (await people.new("Eve")).get(path)).status_code
    assert 401 == (await people.nobody().get(path)).status_code


async def test_who_asks_for_the_head_alone_gets_no_events_and_keeps_no_seat(
    address: str, program: Program, ada: Person
) -> None:
    project = await ada.project()
    headers = {"authorization": f"Bearer {ada.token}"}
    async with httpx.AsyncClient(base_url=f"http://{address}/api/v1", timeout=5) as client:
        answer = await client.head(f"/projects/{project['id']}/events", headers=headers)
        after = await client.get("/users/me", headers=headers)

    assert (200, b"") == (answer.status_code, answer.content)
    assert str(ada.id) == after.json()["data"]["id"]
    assert Stream("project", UUID(project["id"])) not in program.live.hub._tails
