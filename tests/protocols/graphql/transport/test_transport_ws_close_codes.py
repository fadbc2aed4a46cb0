"""Every close code of `graphql-transport-ws`, and what causes it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from monynha.app.composition.application import Application, build
from monynha.core.settings.settings import Settings
from monynha.domains.auth.tokens.access_tokens import AccessTokens
from monynha.infra.embedded import ServerUrls
from monynha.protocols.graphql.transport import transport_ws as transport_ws
from tests.conditions import subscription_count, wait_until
from tests.live_server import serve
from tests.protocols.graphql.clients import (
    PROTOCOL,
    TASK_CHANGED,
    GraphQLWsClient,
    unauthenticated_client,
    ws_client,
)
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

CLOSING_MESSAGES: list[tuple[str, int]] = [
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


@pytest.mark.parametrize(("message", "code"), CLOSING_MESSAGES)
async def test_invalid_message_closes_the_socket(address: str, user: ApiUser, message: str, code: int) -> None:
    async with ws_client(address, user) as socket:
        await socket.connection.send(message)

        assert code == (await socket.wait_closed())[0]


async def test_binary_message_is_read_as_text(address: str, user: ApiUser) -> None:
    async with ws_client(address, user) as socket:
        await socket.connection.send(b'{"type": "ping"}')
        assert await socket.receive() == {"type": "pong"}
        await socket.connection.send(b"\xff\xfe\x00")

        assert (await socket.wait_closed())[0] == 4400


async def test_subscribe_before_connection_init_closes_the_socket(address: str) -> None:
    async with unauthenticated_client(address) as socket:
        await socket.subscribe("{ __typename }")

        assert await socket.wait_closed() == (4401, "Unauthorized")


async def test_duplicate_operation_id_closes_the_socket(address: str, user: ApiUser) -> None:
    project = await user.create_project()
    async with ws_client(address, user) as socket:
        for _ in range(2):
            payload = {"query": TASK_CHANGED, "variables": {"id": project["id"]}}
            await socket.send("subscribe", id="x", payload=payload)

        assert await socket.wait_closed() == (4409, "Subscriber for x already exists")


async def test_second_connection_init_closes_the_socket(address: str, user: ApiUser) -> None:
    async with unauthenticated_client(address) as socket:
        for _ in range(2):
            await socket.send("connection_init", payload={"token": user.token})
        await socket.receive_until_closed()

        assert await socket.wait_closed() == (4429, "Too many initialisation requests")


@pytest.mark.parametrize("token", ["junk", "", "a.b.c", 1, ["x"], {"a": 1}])
async def test_malformed_token_is_forbidden(address: str, token: Any) -> None:
    for payload in ({"Authorization": token}, {"token": token}):
        async with unauthenticated_client(address) as socket:
            await socket.send("connection_init", payload=payload)

            assert await socket.wait_closed() == (4403, "Forbidden")


async def test_forged_token_or_ended_session_is_forbidden(
    address: str, users: UserFactory, user: ApiUser, settings: Settings
) -> None:
    head, body, mark = user.token.split(".")
    forged = f"{head}.{body}.{mark[::-1]}"
    unsigned = f"eyJhbGciOiJub25lIn0.{body}."
    for token in (forged, unsigned):
        async with unauthenticated_client(address) as socket:
            await socket.send("connection_init", payload={"token": token})

            assert (await socket.wait_closed())[0] == 4403
    await users.end_session(user)
    async with unauthenticated_client(address) as socket:
        await socket.send("connection_init", payload={"token": user.token})

        assert (await socket.wait_closed())[0] == 4403


async def test_end_of_the_session_closes_the_socket_within_a_second(
    address: str, users: UserFactory, user: ApiUser
) -> None:
    close_codes = []
    for end in (users.end_session, users.ban):
        member = await users.create()
        project = await member.create_project()
        async with ws_client(address, member) as socket, ws_client(address, member) as idle:
            await socket.start_subscription(TASK_CHANGED, {"id": project["id"]})
            await socket.start_subscription("subscription { notificationAdded { id } }")
            started = time.monotonic()
            await end(member)
            messages = await socket.receive_until_closed()
            assert all(
                [error["extensions"]["code"] for error in message["payload"]] == ["UNAUTHENTICATED"]
                for message in messages
            )
            close_codes += [(await client.wait_closed())[0] for client in (socket, idle)]
            # The hub polls once a second for writes of other programs; the rest is the way to the client.
            assert time.monotonic() - started < 1.5

    assert close_codes == [4403] * 4


async def test_expiry_of_the_token_closes_the_socket(
    address: str, users: UserFactory, settings: Settings, user: ApiUser
) -> None:
    brief = AccessTokens(settings.jwt_secret, issuer=f"{settings.site_url}/auth/v1", ttl_s=3)
    token = (await replace(users, tokens=brief).create("Brief")).token
    async with unauthenticated_client(address) as socket:
        await socket.init({"token": token})

        assert (await socket.wait_closed())[0] == 4403


async def test_missing_connection_init_times_out(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_ws, "INIT_TIMEOUT_S", 0.2)
    async with unauthenticated_client(address) as socket:
        await socket.send("ping")
        await socket.receive("pong")

        assert await socket.wait_closed() == (4408, "Connection initialisation timeout")


@pytest.mark.parametrize("offered", [None, ["graphql-ws"], ["a", "b"]])
async def test_unknown_subprotocol_is_not_acceptable(address: str, offered: Any) -> None:
    async with unauthenticated_client(address, subprotocols=offered) as socket:
        assert await socket.wait_closed() == (4406, "Subprotocol not acceptable")


async def test_other_origins_cannot_connect(address: str) -> None:
    with pytest.raises(InvalidStatus) as error_info:
        async with unauthenticated_client(address, origin="https://evil.example"):
            pass

    assert error_info.value.response.status_code == 403


async def test_message_over_a_megabyte_closes_the_socket(address: str, user: ApiUser) -> None:
    async with ws_client(address, user) as socket:
        await socket.connection.send("x" * 1_100_000)

        assert (await socket.wait_closed())[0] == 1009


async def test_slow_reader_is_disconnected_without_delaying_others(
    address: str, program: Application, user: ApiUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monynha.protocols.http.server.websocket._DRAIN_TIMEOUT_S", 0.5)
    project = await user.create_project()
    query = "subscription ($id: ID!) { taskChanged(projectId: $id) { description task { description } } }"
    async with ws_client(address, user) as slow, ws_client(address, user) as quick:
        for socket in (slow, quick):
            await socket.start_subscription(query, {"id": project["id"]})
        slow.connection.transport.pause_reading()
        task = await user.create_task(project)
        await quick.next_result()
        for number in range(60):
            body = {"description": f"{number} {'x' * 90_000}"}
            assert (await user.put(f"/tasks/{task['id']}", body)).status_code == 200
            await quick.next_result()
        await wait_until(lambda: subscription_count(program.realtime.hub, project) == 1)
        slow.connection.transport.resume_reading()
        messages = await slow.receive_until_closed()

    assert len(messages) < 60


@pytest.fixture
async def stopping(settings: Settings, running_servers: ServerUrls) -> AsyncIterator[Any]:
    program = await build(settings, running_servers)
    yield program
    await program.close()


async def test_shutdown_closes_with_1001(stopping: Any, users: UserFactory) -> None:
    member = await users.create()
    async with serve(stopping) as address:
        connection = await connect(f"ws://{address}/graphql", subprotocols=[PROTOCOL])
        socket = GraphQLWsClient(connection)
        await socket.init({"token": member.token})
        await socket.start_subscription("subscription { notificationAdded { id } }")

    assert (await socket.wait_closed())[0] == 1001
    await connection.close()
