"""How a socket of `/ws` is opened, and what becomes of junk."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.live import Line, line
from tests.people import People, Person

pytestmark = pytest.mark.anyio


async def test_the_token_may_stand_in_the_header_or_the_address(address: str, ada: Person) -> None:
    header = {"Authorization": f"Bearer {ada.token}"}
    async with connect(f"ws://{address}/ws", additional_headers=header) as connection:
        assert str(ada.id) == (await Line(connection).hear("ready"))["userId"]
    async with connect(f"ws://{address}/ws?token={ada.token}") as connection:
        assert str(ada.id) == (await Line(connection).hear("ready"))["userId"]


@pytest.mark.parametrize("token", ["junk", "", "a.b.c", None])
async def test_a_bad_token_closes_with_4401(address: str, token: Any) -> None:
    async with connect(f"ws://{address}/ws") as connection:
        socket = Line(connection)
        await socket.say("auth", token=token)

        assert 4401 == (await socket.closed())[0]


async def test_a_revoked_token_closes_with_4401(address: str, people: People, ada: Person) -> None:
    await people.end_session(ada)
    async with connect(f"ws://{address}/ws?token={ada.token}") as connection:
        assert 4401 == (await Line(connection).closed())[0]


async def test_nothing_is_done_before_signing_in(address: str, ada: Person) -> None:
    project = await ada.project()
    async with connect(f"ws://{address}/ws") as connection:
        socket = Line(connection)
        await socket.say("join", projectId=project["id"])

        assert "UNAUTHENTICATED" == (await socket.hear("error"))["code"]


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
async def test_bad_messages_get_a_clear_error_and_the_socket_stays(
    address: str, ada: Person, message: str, code: str
) -> None:
    async with line(address, ada) as socket:
        await socket.connection.send(message)

        assert code == (await socket.hear("error"))["code"]
        await socket.join(await ada.project())


async def test_a_forged_user_id_is_not_believed(address: str, people: People, ada: Person) -> None:
    project = await ada.project()
    bob = await people.member(project, ada, "member")
    async with line(address, ada) as hers, line(address, bob) as his:
        await hers.join(project)
        await his.join(project)
        await his.say("cursor_position", position=1, userId=str(ada.id))

        assert str(bob.id) == (await hers.hear("cursor_update"))["userId"]


async def test_a_flood_is_slowed_and_told_once(address: str, ada: Person) -> None:
    async with line(address, ada) as socket:
        for _ in range(3_000):
            await socket.connection.send('{"type": "leave"}')
        codes: list[str] = []
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout(1):
                    codes.append((await socket.hear("error"))["code"])

        assert "RATE_LIMITED" in codes
        assert len(codes) < 2_000
        assert codes.count("RATE_LIMITED") < 5


async def test_a_message_of_a_megabyte_is_refused(address: str, ada: Person) -> None:
    async with line(address, ada) as socket:
        await socket.connection.send("x" * 1_100_000)

        assert 1009 == (await socket.closed())[0]


async def test_pages_of_strangers_get_no_socket(address: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://{address}/ws", origin="https://evil.example"):  # type: ignore[arg-type]
            pass

    assert 403 == refused.value.response.status_code


async def test_there_is_no_socket_elsewhere(address: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://{address}/elsewhere"):
            pass

    assert 404 == refused.value.response.status_code


@pytest.mark.parametrize(
    ("sent", "code"),
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
async def test_broken_frames_end_the_socket_with_the_standards_code(
    address: str, sent: bytes, code: int
) -> None:
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    head = await reader.readuntil(b"\r\n\r\n")
    writer.write(sent)
    answer = await asyncio.wait_for(reader.readexactly(4), 5)
    writer.close()

    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
    assert (0x88, code) == (answer[0], int.from_bytes(answer[2:4], "big"))


async def test_messages_in_pieces_come_together(address: str, ada: Person) -> None:
    async with connect(f"ws://{address}/ws") as connection:
        text = json.dumps({"type": "auth", "token": ada.token})
        await connection.send([text[:10], text[10:50], text[50:]])

        assert str(ada.id) == (await Line(connection).hear("ready"))["userId"]


async def test_who_reads_nothing_for_long_is_cut_off_and_harms_nobody(
    address: str, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monynha.protocols.http.socket._DRAINING_S", 0.5)
    project = await ada.project()
    async with line(address, ada) as slow, line(address, ada) as quick:
        await slow.join(project)
        await quick.join(project)
        slow.connection.transport.pause_reading()
        task = await ada.task(project)
        await quick.hear("task_created")
        for number in range(120):
            body = {"description": f"{number} {'x' * 90_000}"}
            assert 200 == (await ada.put(f"/tasks/{task['id']}", body)).status_code
            await quick.hear("task_updated")
        await asyncio.sleep(0.6)
        slow.connection.transport.resume_reading()
        with pytest.raises(ConnectionClosed):
            await drained(slow)


async def drained(line: Line) -> None:
    """Read until the other side has closed."""
    async with asyncio.timeout(10):
        while True:
            await line.connection.recv()
