"""How a `/ws` socket is opened and authenticated, and how bad frames, messages and slow readers are handled."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from monynha.app.composition.application import Application
from tests.conditions import subscription_count, wait_until
from tests.live_server import WsClient, ws_client
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


async def test_token_is_accepted_in_the_header_and_the_url(address: str, user: ApiUser) -> None:
    header = {"Authorization": f"Bearer {user.token}"}
    async with connect(f"ws://{address}/ws", additional_headers=header) as connection:
        assert (await WsClient(connection).receive("ready"))["userId"] == str(user.id)
    async with connect(f"ws://{address}/ws?token={user.token}") as connection:
        assert (await WsClient(connection).receive("ready"))["userId"] == str(user.id)


@pytest.mark.parametrize("token", ["junk", "", "a.b.c", None])
async def test_invalid_token_closes_the_socket_with_4401(address: str, token: Any) -> None:
    async with connect(f"ws://{address}/ws") as connection:
        client = WsClient(connection)
        await client.send("auth", token=token)

        assert (await client.wait_closed())[0] == 4401


async def test_revoked_token_closes_the_socket_with_4401(address: str, users: UserFactory, user: ApiUser) -> None:
    await users.end_session(user)
    async with connect(f"ws://{address}/ws?token={user.token}") as connection:
        assert (await WsClient(connection).wait_closed())[0] == 4401


async def test_messages_before_authentication_are_refused(address: str, user: ApiUser) -> None:
    project = await user.create_project()
    async with connect(f"ws://{address}/ws") as connection:
        client = WsClient(connection)
        await client.send("join", projectId=project["id"])

        assert (await client.receive("error"))["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("junk", "BAD_REQUEST"),
        ("[]", "BAD_REQUEST"),
        ("{}", "BAD_REQUEST"),
        ('{"type": "nonsense"}', "BAD_REQUEST"),
        ('{"type": ["join"]}', "BAD_REQUEST"),
        ('{"type": "join"}', "BAD_REQUEST"),
        ('{"type": "join", "projectId": "*"}', "NOT_FOUND"),
        ('{"type": "join", "projectId": "00000000-0000-0000-0000-000000000000"}', "NOT_FOUND"),
        ('{"type": "resume", "projectId": "x", "version": -1}', "BAD_REQUEST"),
        ('{"type": "resume", "projectId": "x", "version": 1e300}', "BAD_REQUEST"),
        ('{"type": "resume", "projectId": "x", "version": true}', "BAD_REQUEST"),
        ('{"type": "task_update"}', "BAD_REQUEST"),
        ('{"type": "task_update", "taskId": "00000000-0000-0000-0000-000000000000"}', "VALIDATION_ERROR"),
        ('{"type": "user_update", "userId": "x", "data": {}}', "NOT_FOUND"),
        ('{"type": "cursor_position", "position": 1}', "BAD_REQUEST"),
        ('{"a": 1, "a": 2}', "BAD_REQUEST"),
        ("[" * 5000, "BAD_REQUEST"),
        ('{"type": "\\ud800"}', "BAD_REQUEST"),
    ],
)
async def test_malformed_message_is_answered_with_an_error_and_keeps_the_socket_open(
    address: str, user: ApiUser, message: str, code: str
) -> None:
    async with ws_client(address, user) as client:
        await client.connection.send(message)

        assert (await client.receive("error"))["code"] == code
        await client.join(await user.create_project())


async def test_user_id_in_a_cursor_message_is_ignored(address: str, users: UserFactory, user: ApiUser) -> None:
    project = await user.create_project()
    member = await users.create_member(project, user, "member")
    async with ws_client(address, user) as owner_client, ws_client(address, member) as member_client:
        await owner_client.join(project)
        await member_client.join(project)
        await member_client.send("cursor_position", position=1, userId=str(user.id))

        assert (await owner_client.receive("cursor_update"))["userId"] == str(member.id)


async def test_flood_of_messages_is_rate_limited_with_few_errors(address: str, user: ApiUser) -> None:
    async with ws_client(address, user) as client:
        for _ in range(3_000):
            await client.connection.send('{"type": "leave"}')
        codes: list[str] = []
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout(1):
                    codes.append((await client.receive("error"))["code"])

        assert "RATE_LIMITED" in codes
        assert len(codes) < 2_000
        assert codes.count("RATE_LIMITED") < 5


async def test_message_over_a_megabyte_closes_the_socket(address: str, user: ApiUser) -> None:
    async with ws_client(address, user) as client:
        await client.connection.send("x" * 1_100_000)

        assert (await client.wait_closed())[0] == 1009


async def test_foreign_origin_is_refused(address: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://{address}/ws", origin="https://evil.example"):  # type: ignore[arg-type]
            pass

    assert refused.value.response.status_code == 403


async def test_unknown_path_accepts_no_socket(address: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://{address}/elsewhere"):
            pass

    assert refused.value.response.status_code == 404


@pytest.mark.parametrize(
    ("frame_bytes", "code"),
    [
        (b"\x81\x05hello", 1002),
        (b"\xc1\x80\x00\x00\x00\x00", 1002),
        (b"\x83\x80\x00\x00\x00\x00", 1002),
        (b"\x80\x80\x00\x00\x00\x00", 1002),
        (b"\x89\xfe\x00\x7e\x00\x00\x00\x00", 1002),
        (b"\x81\x82\x00\x00\x00\x00\xc3\x28", 1007),
        (b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 1009),
    ],
)
async def test_invalid_frame_closes_with_the_code_of_the_rfc(address: str, frame_bytes: bytes, code: int) -> None:
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    head = await reader.readuntil(b"\r\n\r\n")
    writer.write(frame_bytes)
    close_frame = await asyncio.wait_for(reader.readexactly(4), 5)
    writer.close()

    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
    assert (close_frame[0], int.from_bytes(close_frame[2:4], "big")) == (0x88, code)


async def test_fragmented_message_is_reassembled(address: str, user: ApiUser) -> None:
    async with connect(f"ws://{address}/ws") as connection:
        text = json.dumps({"type": "auth", "token": user.token})
        await connection.send([text[:10], text[10:50], text[50:]])

        assert (await WsClient(connection).receive("ready"))["userId"] == str(user.id)


async def test_client_that_stops_reading_is_disconnected_without_delaying_others(
    address: str, program: Application, user: ApiUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monynha.protocols.http.server.websocket._DRAIN_TIMEOUT_S", 0.5)
    project = await user.create_project()
    async with ws_client(address, user) as slow_client, ws_client(address, user) as fast_client:
        await slow_client.join(project)
        await fast_client.join(project)
        slow_client.connection.transport.pause_reading()
        task = await user.create_task(project)
        await fast_client.receive("task_created")
        for number in range(120):
            body = {"description": f"{number} {'x' * 90_000}"}
            assert (await user.put(f"/tasks/{task['id']}", body)).status_code == 200
            await fast_client.receive("task_updated")
        await wait_until(lambda: subscription_count(program.realtime.hub, project) == 1)
        slow_client.connection.transport.resume_reading()
        with pytest.raises(ConnectionClosed):
            await read_until_closed(slow_client)


async def read_until_closed(client: WsClient) -> None:
    """Read messages until the server has closed the socket."""
    async with asyncio.timeout(10):
        while True:
            await client.connection.recv()
