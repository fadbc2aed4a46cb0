"""A project's events as server-sent events: live, after a version, and after a reconnect."""

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

from monynha.app.composition.application import Application
from monynha.engine.realtime.event_log import Stream
from tests.live_server import TIMEOUT_S
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


@dataclass
class SseReader:
    """Reads the events of a response."""

    lines: AsyncIterator[str]
    last_id: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)

    async def next(self) -> dict[str, Any]:
        """Return the next event."""
        event: dict[str, Any] = {}
        async with asyncio.timeout(TIMEOUT_S):
            async for line in self.lines:
                name, _, value = line.partition(": ")
                if name == "id":
                    self.last_id = value
                elif name in ("event", "data"):
                    event[name] = value
                elif not line and event:
                    return {"event": event["event"], **json.loads(event["data"])}
        raise AssertionError("the response ended")


@asynccontextmanager
async def open_stream(address: str, user: ApiUser, path: str, **headers: str) -> AsyncIterator[SseReader]:
    """Open a stream."""
    all_headers = {"authorization": f"Bearer {user.token}", **headers}
    async with (
        httpx.AsyncClient(base_url=f"http://{address}/api/v1", timeout=10) as client,
        client.stream("GET", path, headers=all_headers) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream"
        yield SseReader(response.aiter_lines())


async def test_reconnecting_client_receives_missed_events(address: str, user: ApiUser) -> None:
    project = await user.create_project()
    path = f"/projects/{project['id']}/events"
    async with open_stream(address, user, f"{path}?since=0") as reader:
        old = [(await reader.next())["event"] for _ in range(2)]
        task = await user.create_task(project, title="Live")
        live = await reader.next()
        last = reader.last_id
    await user.put(f"/tasks/{task['id']}", {"title": "Missed"})
    async with open_stream(address, user, f"{path}?since=0", **{"last-event-id": last}) as reader:
        missed = await reader.next()

    assert old == ["member_created", "project_created"]
    assert ("task_created", task) == (live["event"], live["task"])
    assert (missed["event"], missed["task"]["title"]) == ("task_updated", "Missed")
    assert missed["version"] == int(last) + 1


async def test_version_ahead_of_the_event_log_gets_ask_again(address: str, user: ApiUser) -> None:
    project = await user.create_project()
    async with open_stream(address, user, f"/projects/{project['id']}/events?since=99") as reader:
        assert await reader.next() == {"event": "ask_again", "projectId": project["id"], "version": 2}


async def test_removed_member_is_notified_and_receives_no_more_events(
    address: str, users: UserFactory, user: ApiUser
) -> None:
    project = await user.create_project()
    other_user = await users.create_member(project, user, "viewer")
    async with open_stream(address, other_user, f"/projects/{project['id']}/events") as reader:
        await user.delete(f"/projects/{project['id']}/members/{other_user.id}")
        await user.create_task(project)

        received = [(await reader.next())["event"] for _ in range(2)]

        assert received == ["member_deleted", "removed"]
        with pytest.raises(AssertionError, match="ended"):
            await reader.next()


async def test_malformed_version_is_rejected_beside_a_valid_header(user: ApiUser) -> None:
    project = await user.create_project()
    path = f"/projects/{project['id']}/events"

    query = await user.get(path, params={"since": "x"}, headers={"last-event-id": "1"})
    header = await user.get(path, params={"since": "1"}, headers={"last-event-id": "x"})

    assert [(response.status_code, list(response.json()["error"]["details"])) for response in (query, header)] == [
        (400, ["since"]),
        (400, ["Last-Event-ID"]),
    ]


@pytest.mark.parametrize("since", ["-1", "x", "1.5", "", "9" * 30])
async def test_malformed_version_is_rejected(user: ApiUser, since: str) -> None:
    project = await user.create_project()

    response = await user.get(f"/projects/{project['id']}/events", params={"since": since})

    assert response.status_code == 400
    assert list(response.json()["error"]["details"]) == ["since"]


async def test_user_without_access_gets_not_found(users: UserFactory, user: ApiUser) -> None:
    project = await user.create_project()
    path = f"/projects/{project['id']}/events"

    assert (await (await users.create("Eve")).get(path)).status_code == 404
    assert (await users.anonymous().get(path)).status_code == 401


async def test_head_request_gets_no_events_and_leaves_no_subscription(
    address: str, program: Application, user: ApiUser
) -> None:
    project = await user.create_project()
    headers = {"authorization": f"Bearer {user.token}"}
    async with httpx.AsyncClient(base_url=f"http://{address}/api/v1", timeout=5) as client:
        response = await client.head(f"/projects/{project['id']}/events", headers=headers)
        after = await client.get("/users/me", headers=headers)

    assert (response.status_code, response.content) == (200, b"")
    assert str(user.id) == after.json()["data"]["id"]
    assert Stream("project", UUID(project["id"])) not in program.realtime.hub._streams
