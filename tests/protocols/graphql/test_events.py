"""GraphQL over server-sent events: `next` for each answer, `complete` at the end (distinct connections)."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest

from monynha.app.asgi import build
from monynha.core.settings import Settings
from monynha.infra.embedded import Servers
from monynha.protocols.http import event_stream
from tests.live import listening
from tests.people import People, Person
from tests.protocols.graphql.asking import ask
from tests.protocols.graphql.sockets import reading

pytestmark = pytest.mark.anyio

TASKS = "subscription ($id: ID!) { taskChanged(projectId: $id) { action title task { title } } }"
EVENTS = {"accept": "text/event-stream"}


async def test_a_subscription_is_told_as_events(address: str, ada: Person) -> None:
    project = await ada.project()
    async with reading(address, ada, TASKS, {"id": project["id"]}) as reader:
        await ada.task(project, title="ü\n")
        told = await reader.next()

    shown = {"action": "created", "title": "ü", "task": {"title": "ü"}}
    assert ("next", {"data": {"taskChanged": shown}}) == told


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ __typename }", {"data": {"__typename": "Query"}}),
        ('{ project(id: "x") { id } }', {"data": {"project": None}}),
    ],
)
async def test_queries_are_one_event(address: str, ada: Person, query: str, expected: Any) -> None:
    async with reading(address, ada, query) as reader:
        assert [("next", expected), ("complete", None)] == [await reader.next(), await reader.next()]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ nothing }", "BAD_REQUEST"),
        ("subscription { notificationAdded { nothing } }", "BAD_REQUEST"),
        ('subscription { taskChanged(projectId: "x") { id } }', "NOT_FOUND"),
        ('subscription { notificationAdded(since: "x") { id } }', "BAD_REQUEST"),
    ],
)
async def test_errors_are_events_too(address: str, ada: Person, query: str, code: str) -> None:
    async with reading(address, ada, query) as reader:
        name, body = await reader.next()

        assert ("next", [code]) == (name, [one["extensions"]["code"] for one in body["errors"]])
        assert ("complete", None) == await reader.next()


async def test_who_nobody_knows_is_refused(people: People, ada: Person) -> None:
    nobody = await ask(people.nobody(), "subscription { notificationAdded { id } }", headers=EVENTS)
    await people.end_session(ada)
    over = await ask(ada, "subscription { notificationAdded { id } }", headers=EVENTS)
    junk = await ask(ada, "{ __typename }", headers={**EVENTS, "authorization": "Bearer junk"})

    assert [401] * 3 == [one.status_code for one in (nobody, over, junk)]


async def test_the_removed_and_the_signed_out_are_told_so(address: str, people: People, ada: Person) -> None:
    project = await ada.project()
    for end, code in ((True, "UNAUTHENTICATED"), (False, "NOT_FOUND")):
        bob = await people.member(project, ada, "member")
        async with reading(address, bob, TASKS, {"id": project["id"]}) as reader:
            started = time.monotonic()
            if end:
                await people.end_session(bob)
            else:
                await ada.delete(f"/projects/{project['id']}/members/{bob.id}")
            _, body = await reader.next()

            assert [code] == [one["extensions"]["code"] for one in body["errors"]]
            assert ("complete", None) == await reader.next()
            assert time.monotonic() - started < 1.5


async def test_accept_decides(ada: Person) -> None:
    everything = {"accept": "application/graphql-response+json, application/json, text/event-stream"}
    query = await ask(ada, "{ __typename }", headers=everything)
    alone = await ask(ada, "{ __typename }", headers=EVENTS)
    refused = await ask(ada, "subscription { notificationAdded { id } }")

    assert query.headers["content-type"].startswith("application/graphql-response+json")
    assert "text/event-stream" == alone.headers["content-type"]
    assert "text/event-stream" in refused.json()["errors"][0]["message"]


async def test_a_get_is_told_as_events_and_changes_nothing(address: str, ada: Person) -> None:
    headers = {**EVENTS, "authorization": f"Bearer {ada.token}"}
    async with httpx.AsyncClient(base_url=f"http://{address}") as client:
        read = await client.get("/graphql", params={"query": "{ __typename }"}, headers=headers)
        changed = await client.get(
            "/graphql", params={"query": 'mutation { deletePost(id: "x") }'}, headers=headers
        )
        strange = await client.get("/graphql", params={"query": "{ __typename }"}, headers=EVENTS)

    assert 'event: next\ndata: {"data":{"__typename":"Query"}}\n\nevent: complete\ndata: \n\n' == read.text
    assert (405, 400) == (changed.status_code, strange.status_code)


async def test_a_batch_has_no_events(ada: Person) -> None:
    headers = {**EVENTS, "authorization": f"Bearer {ada.token}"}
    answer = await ada.client.post("/graphql", json=[{"query": "{ __typename }"}], headers=headers)

    assert 406 == answer.status_code


async def test_comments_keep_an_idle_answer_alive(
    address: str, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "_PAUSE_S", 0.05)
    async with reading(address, ada, "subscription { notificationAdded { id } }") as reader:
        async with asyncio.timeout(5):
            heard = [await anext(reader.lines) for _ in range(6)]

    assert ": still there" in heard


async def test_a_stop_ends_it(settings: Settings, running_servers: Servers, people: People) -> None:
    person = await people.new()
    program = await build(settings, running_servers)
    async with (
        listening(program) as address,
        reading(address, person, "subscription { notificationAdded { id } }") as reader,
    ):
        await anext(reader.lines)
        program.leave()
        with pytest.raises(AssertionError, match="ended"):
            await reader.next()
    await program.close()

    assert set() == program.streams


async def test_a_client_that_leaves_is_forgotten(address: str, program: Any, ada: Person) -> None:
    project = await ada.project()
    before = set(program.live.hub._tails)
    async with reading(address, ada, TASKS, {"id": project["id"]}):
        during = set(program.live.hub._tails)
    for _ in range(50):
        await asyncio.sleep(0.02)
        if set(program.live.hub._tails) == before:
            break

    assert during - before
    assert before == set(program.live.hub._tails)
