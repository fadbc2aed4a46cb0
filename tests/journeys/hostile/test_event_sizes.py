"""What one event may make a connection receive, whatever it has subscribed to."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from monynha.app.commands.keys import make_key
from monynha.app.composition.application import build
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls
from tests.live_server import OwnerSql, serve, ws_client
from tests.phoenix_client import phoenix_client, tasks_binding
from tests.users import ApiUser

pytestmark = pytest.mark.anyio

MAX_BYTES = 50_000
COLUMNS = ["project_id", "status", "priority", "due_date", "created_at", "updated_at"]
INSERT_TASK = "insert into public.tasks (project_id, title, description) values ($1::uuid, $2, repeat('d', $3::int))"


@pytest.fixture
async def address(settings: Settings, running_servers: ServerUrls) -> AsyncIterator[str]:
    """Return the address of an application with a low limit."""
    application = await build(dataclasses.replace(settings, max_answer_bytes=MAX_BYTES), running_servers)
    async with serve(application) as host_and_port:
        yield host_and_port
    await application.close()


async def test_a_change_that_would_cause_too_many_bytes_closes_the_channel(
    address: str, settings: Settings, user: ApiUser, owner_sql: OwnerSql
) -> None:
    project = await user.create_project()
    bindings = [tasks_binding(select=["description", *COLUMNS[:count]]) for count in range(7)]
    async with phoenix_client(address, make_key("anon", settings.jwt_secret)) as client:
        for topic in ("a", "b"):
            assert (await client.join(topic, user.token, *bindings))["status"] == "ok"
        await owner_sql(INSERT_TASK, project["id"], "T", 5_000)

        change_count = 0
        closed_topics: list[str] = []
        reasons: list[str] = []
        while not closed_topics:
            message = await client.receive()
            change_count += message["event"] == "postgres_changes"
            if message["event"] == "phx_close":
                closed_topics.append(message["topic"])
            if message["event"] == "system" and message["payload"]["status"] == "error":
                reasons.append(message["payload"]["message"])
        await owner_sql(INSERT_TASK, project["id"], "Next", 1)
        next_topics = [(await client.receive("postgres_changes"))["topic"] for _ in range(7)]

    assert 7 <= change_count < MAX_BYTES / 5_000
    assert reasons == [f"TooManyBytes: one change caused more than {MAX_BYTES} bytes; bind to less"]
    # The other channel goes on.
    assert {*next_topics, *closed_topics} == {"realtime:a", "realtime:b"}
    assert len(set(next_topics)) == 1


async def test_a_socket_fetches_the_state_that_an_event_is_too_long_for(
    address: str, user: ApiUser, owner_sql: OwnerSql
) -> None:
    project = await user.create_project()
    async with ws_client(address, user) as client:
        version = await client.join(project)
        await owner_sql(INSERT_TASK, project["id"], "Long", MAX_BYTES)
        await owner_sql(INSERT_TASK, project["id"], "Short", 1)

        refused, following = await client.receive("ask_again"), await client.receive("task_created")

    assert (refused["projectId"], refused["version"]) == (project["id"], version + 1)
    assert (following["task"]["title"], following["version"]) == ("Short", version + 2)


async def test_an_event_stream_says_which_event_is_too_long(address: str, user: ApiUser, owner_sql: OwnerSql) -> None:
    project = await user.create_project()
    await owner_sql(INSERT_TASK, project["id"], "Long", MAX_BYTES)
    await owner_sql(INSERT_TASK, project["id"], "Short", 1)
    headers = {"authorization": f"Bearer {user.token}"}
    events: list[tuple[str, int]] = []
    async with (
        httpx.AsyncClient(base_url=f"http://{address}/api/v1", timeout=10) as client,
        client.stream("GET", f"/projects/{project['id']}/events?since=2", headers=headers) as response,
    ):
        event_type = ""
        async for line in response.aiter_lines():
            event_type = line.removeprefix("event: ") if line.startswith("event: ") else event_type
            if line.startswith("data: "):
                events.append((event_type, json.loads(line[6:])["version"]))
            if len(events) == 2:
                break

    assert events == [("ask_again", 3), ("task_created", 4)]
