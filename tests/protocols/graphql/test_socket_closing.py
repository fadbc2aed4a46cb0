"""Every code that closes a socket of `graphql-transport-ws`, and why."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from monynha.app.asgi import build
from monynha.core.settings import Settings
from monynha.domains.auth.tokens import AccessTokens
from monynha.infra.embedded import Servers
from monynha.protocols.graphql import socket as ours
from tests.live import listening
from tests.people import People, Person
from tests.protocols.graphql.sockets import PROTOCOL, TASKS, Line, line, raw_line

pytestmark = pytest.mark.anyio

CLOSING: list[tuple[str, int]] = [
    ("junk", 4400),
    ("[]", 4400),
    ("{}", 4400),
    ('{"type": 1}', 4400),
    ('{"type": "start", "id": "1"}', 4400),
    ('{"type": "connection_ack"}', 4400),
    ('{"type": "next", "id": "1", "payload": {}}', 4400),
    ('{"type": "ping", "payload": 1}', 4400),
    ('{"type": "subscribe", "payload": {"query": "{ __typename }"}}', 4400),
    ('{"type": "subscribe", "id": "", "payload": {"query": "{ __typename }"}}', 4400),
    ('{"type": "subscribe", "id": 1, "payload": {"query": "{ __typename }"}}', 4400),
    ('{"type": "subscribe", "id": "' + "x" * 300 + '", "payload": {"query": "{ __typename }"}}', 4400),
    ('{"type": "subscribe", "id": "1"}', 4400),
    ('{"type": "subscribe", "id": "1", "payload": "x"}', 4400),
    ('{"type": "subscribe", "id": "1", "payload": {"query": 1}}', 4400),
    ('{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }", "variables": []}}', 4400),
    ('{"type": "complete"}', 4400),
    ('{"type": "connection_init"}', 4429),
    ('{"type": "connection_init", "payload": []}', 4400),
    ("[" * 5000, 4400),
    ('{"type": "\\ud800"}', 4400),
]


@pytest.mark.parametrize(("message", "code"), CLOSING)
async def test_what_is_no_message_closes_the_socket(
    address: str, ada: Person, message: str, code: int
) -> None:
    async with line(address, ada) as socket:
        await socket.connection.send(message)

        assert code == (await socket.closed())[0]


async def test_binary_messages_are_read_as_text(address: str, ada: Person) -> None:
    async with line(address, ada) as socket:
        await socket.connection.send(b'{"type": "ping"}')
        assert {"type": "pong"} == await socket.hear()
        await socket.connection.send(b"\xff\xfe\x00")

        assert 4400 == (await socket.closed())[0]


async def test_nothing_is_done_before_the_connection_is_acknowledged(address: str) -> None:
    async with raw_line(address) as socket:
        await socket.subscribe("{ __typename }")

        assert (4401, "Unauthorized") == await socket.closed()


async def test_an_id_that_is_taken_closes_the_socket(address: str, ada: Person) -> None:
    project = await ada.project()
    async with line(address, ada) as socket:
        for _ in range(2):
            payload = {"query": TASKS, "variables": {"id": project["id"]}}
            await socket.say("subscribe", id="x", payload=payload)

        assert (4409, "Subscriber for x already exists") == await socket.closed()


async def test_two_beginnings_at_once_close_the_socket(address: str, ada: Person) -> None:
    async with raw_line(address) as socket:
        for _ in range(2):
            await socket.say("connection_init", payload={"token": ada.token})
        await socket.drained()

        assert (4429, "Too many initialisation requests") == await socket.closed()


@pytest.mark.parametrize("token", ["junk", "", "a.b.c", 1, ["x"], {"a": 1}])
async def test_a_bad_token_is_forbidden(address: str, token: Any) -> None:
    for payload in ({"Authorization": token}, {"token": token}):
        async with raw_line(address) as socket:
            await socket.say("connection_init", payload=payload)

            assert (4403, "Forbidden") == await socket.closed()


async def test_a_token_of_another_secret_or_a_past_time_is_forbidden(
    address: str, people: People, ada: Person, settings: Settings
) -> None:
    head, body, mark = ada.token.split(".")
    forged = f"{head}.{body}.{mark[::-1]}"
    unsigned = f"eyJhbGciOiJub25lIn0.{body}."
    for token in (forged, unsigned):
        async with raw_line(address) as socket:
            await socket.say("connection_init", payload={"token": token})

            assert 4403 == (await socket.closed())[0]
    await people.end_session(ada)
    async with raw_line(address) as socket:
        await socket.say("connection_init", payload={"token": ada.token})

        assert 4403 == (await socket.closed())[0]


async def test_whoever_is_signed_out_loses_the_socket_within_a_second(
    address: str, people: People, ada: Person
) -> None:
    answers = []
    for end in (people.end_session, people.ban):
        person = await people.new()
        project = await person.project()
        async with line(address, person) as socket, line(address, person) as idle:
            await socket.listen(TASKS, {"id": project["id"]})
            await socket.listen("subscription { notificationAdded { id } }")
            started = time.monotonic()
            await end(person)
            told = await socket.drained()
            assert all(
                ["UNAUTHENTICATED"] == [each["extensions"]["code"] for each in one["payload"]] for one in told
            )
            answers += [(await one.closed())[0] for one in (socket, idle)]
            # The poll finds what a foreign writer did: within a second, and a little for its own way.
            assert time.monotonic() - started < 1.5

    assert [4403] * 4 == answers


async def test_a_token_that_ends_closes_the_socket(
    address: str, people: People, settings: Settings, ada: Person
) -> None:
    brief = AccessTokens(settings.jwt_secret, issuer=f"{settings.site_url}/auth/v1", ttl_s=1)
    token = (await replace(people, tokens=brief).new("Brief")).token
    async with raw_line(address) as socket:
        await socket.begin({"token": token})

        assert 4403 == (await socket.closed())[0]


async def test_whoever_never_begins_is_cut_off(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "INIT_WITHIN_S", 0.2)
    async with raw_line(address) as socket:
        await socket.say("ping")
        await socket.hear("pong")

        assert (4408, "Connection initialisation timeout") == await socket.closed()


@pytest.mark.parametrize("offered", [None, ["graphql-ws"], ["a", "b"]])
async def test_another_subprotocol_is_not_acceptable(address: str, offered: Any) -> None:
    async with raw_line(address, subprotocols=offered) as socket:
        assert (4406, "Subprotocol not acceptable") == await socket.closed()


async def test_pages_of_strangers_get_no_socket(address: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with raw_line(address, origin="https://evil.example"):
            pass

    assert 403 == refused.value.response.status_code


async def test_a_message_of_a_megabyte_closes_the_socket(address: str, ada: Person) -> None:
    async with line(address, ada) as socket:
        await socket.connection.send("x" * 1_100_000)

        assert 1009 == (await socket.closed())[0]


async def test_who_reads_nothing_for_long_is_cut_off_and_harms_nobody(
    address: str, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monynha.protocols.http.socket._DRAINING_S", 0.5)
    project = await ada.project()
    query = "subscription ($id: ID!) { taskChanged(projectId: $id) { description task { description } } }"
    async with line(address, ada) as slow, line(address, ada) as quick:
        for socket in (slow, quick):
            await socket.listen(query, {"id": project["id"]})
        slow.connection.transport.pause_reading()
        task = await ada.task(project)
        await quick.next()
        for number in range(60):
            body = {"description": f"{number} {'x' * 90_000}"}
            assert 200 == (await ada.put(f"/tasks/{task['id']}", body)).status_code
            await quick.next()
        await asyncio.sleep(0.6)
        slow.connection.transport.resume_reading()
        heard = await slow.drained()

    assert len(heard) < 60


@pytest.fixture
async def stopping(settings: Settings, running_servers: Servers) -> AsyncIterator[Any]:
    program = await build(settings, running_servers)
    yield program
    await program.close()


async def test_an_orderly_stop_closes_with_1001(stopping: Any, people: People) -> None:
    person = await people.new()
    async with listening(stopping) as address:
        connection = await connect(f"ws://{address}/graphql", subprotocols=[PROTOCOL])
        socket = Line(connection)
        await socket.begin({"token": person.token})
        await socket.listen("subscription { notificationAdded { id } }")

    assert 1001 == (await socket.closed())[0]
    await connection.close()
