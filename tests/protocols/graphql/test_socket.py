"""`graphql-transport-ws` as its specification has it: every message, and how much of each."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace

import pytest

from monynha.app.asgi import build
from monynha.app.commands.keys import make_key
from monynha.core.setting_kinds import Limit
from monynha.core.settings import Settings
from monynha.infra.embedded import Servers
from monynha.protocols.graphql import socket as ours
from tests.live import listening
from tests.people import People, Person
from tests.protocols.graphql.sockets import PROTOCOL, line, raw_line

pytestmark = pytest.mark.anyio

TITLES = "subscription ($id: ID!) { taskChanged(projectId: $id) { title } }"
CREATE = """mutation ($id: ID!, $title: String!) {
  createTask(projectId: $id, input: {title: $title}) { id }
}"""
ME = "{ users(limit: 1) { id } }"


@pytest.mark.parametrize(
    ("name", "before"),
    [("Authorization", "Bearer "), ("authorization", "bearer "), ("authorization", ""), ("token", "")],
)
async def test_the_token_may_stand_where_clients_put_it(
    address: str, ada: Person, name: str, before: str
) -> None:
    async with raw_line(address) as socket:
        await socket.begin({name: before + ada.token})
        await socket.listen("subscription { notificationAdded { id } }")
        await socket.subscribe(ME)

        assert 1 == len(await socket.next())


async def test_the_token_may_stand_in_the_handshake(address: str, ada: Person) -> None:
    async with raw_line(address, additional_headers={"Authorization": f"Bearer {ada.token}"}) as socket:
        await socket.begin()
        await socket.subscribe(ME)

        assert 1 == len(await socket.next())


async def test_queries_and_mutations_are_answered_once(address: str, ada: Person) -> None:
    async with line(address, ada) as socket:
        id = await socket.subscribe(
            'mutation { createPost(input: {title: "P", content: ""}) { title author { name } } }'
        )
        made = await socket.next()
        completed = await socket.hear()
        await socket.subscribe("query A { __typename } query B { nothing }")
        codes = await socket.error()

    assert {"title": "P", "author": {"name": "Ada"}} == made
    assert {"id": id, "type": "complete"} == completed
    assert ["BAD_REQUEST"] == codes


async def test_errors_of_fields_are_answers(address: str, ada: Person) -> None:
    async with line(address, ada) as socket:
        await socket.subscribe('mutation { deletePost(id: "00000000-0000-0000-0000-000000000000") }')
        answer = (await socket.hear("next"))["payload"]
        await socket.hear("complete")

    assert (None, "NOT_FOUND") == (answer["data"], answer["errors"][0]["extensions"]["code"])


async def test_nobody_may_ask_what_nobody_may_ask_by_http(
    address: str, settings: Settings, people: People
) -> None:
    key = make_key("anon", settings.jwt_secret)
    for payload in (None, {"Authorization": f"Bearer {key}"}):
        async with raw_line(address) as socket:
            await socket.begin(payload)
            await socket.subscribe("{ __typename }")
            assert "Query" == await socket.next()
            await socket.hear("complete")
            await socket.subscribe(ME)
            answer = (await socket.hear("next"))["payload"]
            assert "UNAUTHENTICATED" == answer["errors"][0]["extensions"]["code"]


async def test_the_service_key_hears_what_it_names(address: str, settings: Settings, ada: Person) -> None:
    project = await ada.project()
    async with raw_line(address) as socket:
        await socket.begin({"token": make_key("service_role", settings.jwt_secret)})
        await socket.listen(TITLES, {"id": project["id"]})
        await ada.task(project, title="T")

        assert {"title": "T"} == await socket.next()
        await socket.subscribe("subscription { notificationAdded { id } }")
        assert ["NOT_FOUND"] == await socket.error()


async def test_pings_are_answered_with_their_payload(address: str, ada: Person) -> None:
    async with raw_line(address) as socket:
        await socket.say("ping")
        first = await socket.hear()
        await socket.begin({"token": ada.token})
        await socket.say("ping", payload={"a": [1]})
        second = await socket.hear()
        await socket.say("pong", payload={"a": 1})
        await socket.say("pong")

        assert ({"type": "pong"}, {"type": "pong", "payload": {"a": [1]}}) == (first, second)
        assert await socket.hears_nothing(0.1)


async def test_complete_ends_a_subscription_and_frees_its_id(address: str, ada: Person) -> None:
    project = await ada.project()
    async with line(address, ada) as socket:
        id = await socket.listen(TITLES, {"id": project["id"]})
        await socket.say("complete", id=id)
        await socket.say("complete", id="unknown")
        await socket.settled()
        await ada.task(project)
        assert await socket.hears_nothing()
        payload = {"query": TITLES, "variables": {"id": project["id"]}}
        await socket.say("subscribe", id=id, payload=payload)
        await socket.settled()
        await ada.task(project, title="again")

        assert {"title": "again"} == await socket.next()


async def test_complete_may_come_before_the_subscription_has_begun(address: str, ada: Person) -> None:
    project = await ada.project()
    async with line(address, ada) as socket:
        for _ in range(50):
            id = await socket.subscribe(TITLES, {"id": project["id"]})
            await socket.say("complete", id=id)
        await socket.settled()
        await ada.task(project)

        assert await socket.hears_nothing()


async def test_ours_is_chosen_among_others(address: str) -> None:
    async with raw_line(address, subprotocols=["graphql-ws", PROTOCOL]) as socket:
        assert PROTOCOL == socket.connection.subprotocol


async def test_a_socket_holds_so_many_operations_and_refuses_the_rest(address: str, ada: Person) -> None:
    project = await ada.project()
    async with line(address, ada) as socket:
        for _ in range(1000):
            await socket.subscribe(TITLES, {"id": project["id"]})
        refused = [await socket.error() for _ in range(1000 - ours.MOST_OPERATIONS)]
        await asyncio.sleep(1)
        await ada.task(project, title="T")
        told = [await socket.next() for _ in range(ours.MOST_OPERATIONS)]
        assert await socket.hears_nothing()
        for number in range(1000):
            await socket.say("complete", id=str(number + 1))
        await asyncio.sleep(1.5)
        await socket.listen(TITLES, {"id": project["id"]})
        await ada.task(project, title="again")

        assert [["RATE_LIMITED"]] * len(refused) == refused
        assert [{"title": "T"}] * ours.MOST_OPERATIONS == told
        assert {"title": "again"} == await socket.next()


async def test_a_flood_of_operations_is_refused_one_by_one(address: str, ada: Person) -> None:
    async with line(address, ada) as socket:
        ids = set()
        for _ in range(1500):
            ids.add(await socket.subscribe("{ __typename }"))
        ends: dict[str, str] = {}
        while len(ends) < len(ids):
            message = await socket.hear()
            if message["type"] != "next":
                ends[message["id"]] = message["type"]

        assert {"error", "complete"} == set(ends.values())
        assert await socket.hears_nothing()


async def test_operations_count_as_requests(
    settings: Settings, running_servers: Servers, people: People
) -> None:
    program = await build(replace(settings, limit_api=Limit(3, 60)), running_servers)
    try:
        async with listening(program) as address, line(address, await people.new()) as socket:
            codes = []
            for _ in range(5):
                await socket.subscribe("{ __typename }")
                message = await socket.hear()
                if message["type"] == "next":
                    await socket.hear("complete")
                codes.append(message["type"])
    finally:
        await program.close()

    assert ["next"] * 3 + ["error"] * 2 == codes


async def test_what_is_asked_after_a_subscription_is_asked_once_it_listens(address: str, ada: Person) -> None:
    project = await ada.project()
    async with line(address, ada) as socket:
        for number in range(20):
            id = await socket.subscribe(TITLES, {"id": project["id"]})
            await socket.subscribe(CREATE, {"id": project["id"], "title": str(number)})
            kinds = sorted([(await socket.hear())["type"] for _ in range(3)])
            await socket.say("complete", id=id)

            assert ["complete", "next", "next"] == kinds


async def test_a_hash_stands_for_a_subscription_too(address: str, ada: Person) -> None:
    project = await ada.project()
    text = f"{TITLES} # {project['id']}"
    known = {"persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(text.encode()).hexdigest()}}
    alone = {"extensions": known, "variables": {"id": project["id"]}}
    async with line(address, ada) as socket:
        await socket.say("subscribe", id="a", payload=alone)
        assert ["PERSISTED_QUERY_NOT_FOUND"] == await socket.error()
        await socket.say("subscribe", id="b", payload={**alone, "query": text})
        await socket.settled()
        await socket.say("subscribe", id="c", payload=alone)
        await socket.settled()
        await ada.task(project, title="T")

        assert [{"title": "T"}] * 2 == [await socket.next(), await socket.next()]
