"""GraphQL over server-sent events: `next` for each result, `complete` at the end (distinct connections)."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest

from monynha.app.composition.application import build
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls
from monynha.protocols.http import sse
from tests.conditions import SOON_S, TIMEOUT_S, wait_until
from tests.live_server import serve
from tests.protocols.graphql.clients import sse_reader
from tests.protocols.graphql.requests import execute
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

TASKS = "subscription ($id: ID!) { taskChanged(projectId: $id) { action title task { title } } }"
EVENTS = {"accept": "text/event-stream"}


async def test_subscription_results_are_events(address: str, user: ApiUser) -> None:
    project = await user.create_project()
    async with sse_reader(address, user, TASKS, {"id": project["id"]}) as reader:
        await user.create_task(project, title="ü\n")
        event = await reader.next_event()

    payload = {"action": "created", "title": "ü", "task": {"title": "ü"}}
    assert event == ("next", {"data": {"taskChanged": payload}})


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ __typename }", {"data": {"__typename": "Query"}}),
        ('{ project(id: "x") { id } }', {"data": {"project": None}}),
    ],
)
async def test_query_result_is_one_event(address: str, user: ApiUser, query: str, expected: Any) -> None:
    async with sse_reader(address, user, query) as reader:
        assert [
            await reader.next_event(),
            await reader.next_event(),
        ] == [("next", expected), ("complete", None)]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ nothing }", "BAD_REQUEST"),
        ("subscription { notificationAdded { nothing } }", "BAD_REQUEST"),
        ('subscription { taskChanged(projectId: "x") { id } }', "NOT_FOUND"),
        ('subscription { notificationAdded(since: "x") { id } }', "BAD_REQUEST"),
    ],
)
async def test_request_errors_are_events(address: str, user: ApiUser, query: str, code: str) -> None:
    async with sse_reader(address, user, query) as reader:
        name, body = await reader.next_event()

        assert ("next", [code]) == (name, [error["extensions"]["code"] for error in body["errors"]])
        assert await reader.next_event() == ("complete", None)


async def test_unauthenticated_subscription_is_401(users: UserFactory, user: ApiUser) -> None:
    anonymous = await execute(users.anonymous(), "subscription { notificationAdded { id } }", headers=EVENTS)
    await users.end_session(user)
    over = await execute(user, "subscription { notificationAdded { id } }", headers=EVENTS)
    malformed = await execute(user, "{ __typename }", headers={**EVENTS, "authorization": "Bearer junk"})

    assert [response.status_code for response in (anonymous, over, malformed)] == [401] * 3


async def test_stream_ends_for_removed_members_and_signed_out_users(
    address: str, users: UserFactory, user: ApiUser
) -> None:
    project = await user.create_project()
    for end, code in ((True, "UNAUTHENTICATED"), (False, "NOT_FOUND")):
        bob = await users.create_member(project, user, "member")
        async with sse_reader(address, bob, TASKS, {"id": project["id"]}) as reader:
            started = time.monotonic()
            if end:
                await users.end_session(bob)
            else:
                await user.delete(f"/projects/{project['id']}/members/{bob.id}")
            _, body = await reader.next_event()

            assert [error["extensions"]["code"] for error in body["errors"]] == [code]
            assert await reader.next_event() == ("complete", None)
            assert time.monotonic() - started < SOON_S


async def test_accept_header_selects_the_event_stream(user: ApiUser) -> None:
    everything = {"accept": "application/graphql-response+json, application/json, text/event-stream"}
    query = await execute(user, "{ __typename }", headers=everything)
    alone = await execute(user, "{ __typename }", headers=EVENTS)
    over_json = await execute(user, "subscription { notificationAdded { id } }")

    assert query.headers["content-type"].startswith("application/graphql-response+json")
    assert alone.headers["content-type"] == "text/event-stream"
    assert "text/event-stream" in over_json.json()["errors"][0]["message"]


async def test_get_streams_queries_and_rejects_mutations(address: str, user: ApiUser) -> None:
    headers = {**EVENTS, "authorization": f"Bearer {user.token}"}
    async with httpx.AsyncClient(base_url=f"http://{address}", timeout=20) as client:
        read = await client.get("/graphql", params={"query": "{ __typename }"}, headers=headers)
        changed = await client.get("/graphql", params={"query": 'mutation { deletePost(id: "x") }'}, headers=headers)
        without_preflight = await client.get("/graphql", params={"query": "{ __typename }"}, headers=EVENTS)

    assert read.text == 'event: next\ndata: {"data":{"__typename":"Query"}}\n\nevent: complete\ndata: \n\n'
    assert (changed.status_code, without_preflight.status_code) == (405, 400)


async def test_batch_has_no_event_stream(user: ApiUser) -> None:
    headers = {**EVENTS, "authorization": f"Bearer {user.token}"}
    response = await user.client.post("/graphql", json=[{"query": "{ __typename }"}], headers=headers)

    assert response.status_code == 406


async def test_comments_keep_an_idle_stream_alive(address: str, user: ApiUser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "_KEEP_ALIVE_INTERVAL_S", 0.05)
    async with sse_reader(address, user, "subscription { notificationAdded { id } }") as reader:
        async with asyncio.timeout(TIMEOUT_S):
            received = [await anext(reader.lines) for _ in range(6)]

    assert ": keep-alive" in received


async def test_shutdown_ends_the_stream(settings: Settings, running_servers: ServerUrls, users: UserFactory) -> None:
    member = await users.create()
    program = await build(settings, running_servers)
    async with (
        serve(program) as address,
        sse_reader(address, member, "subscription { notificationAdded { id } }") as reader,
    ):
        await anext(reader.lines)
        program.begin_shutdown()
        with pytest.raises(AssertionError, match="ended"):
            await reader.next_event()
    await program.close()

    assert program.open_streams == set()


async def test_closed_stream_is_unsubscribed(address: str, program: Any, user: ApiUser) -> None:
    project = await user.create_project()
    before = set(program.realtime.hub._streams)
    async with sse_reader(address, user, TASKS, {"id": project["id"]}):
        during = set(program.realtime.hub._streams)
    await wait_until(lambda: set(program.realtime.hub._streams) == before)

    assert during - before
