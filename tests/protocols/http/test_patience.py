"""How long a connection waits for its client, and how much it keeps for one that does not read."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from monynha.protocols.http.request import Receive, Scope, Send
from tests.protocols.http.talking import PLAIN, answer_of, talking, told

pytestmark = pytest.mark.anyio


async def test_a_head_that_drips_is_refused_and_silence_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HEAD_S", "BODY_S", "IDLE_S"):
        monkeypatch.setattr(f"monynha.protocols.http.connection.{name}", 1.0)

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] == "http.request" and message["more_body"]:
            pass
        if message["type"] == "http.request":
            told(scope, b"ok")

    async with talking(handle) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\n")
        started = asyncio.get_running_loop().time()
        for _ in range(2):
            await asyncio.sleep(0.4)
            writer.write(b"X: y\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert asyncio.get_running_loop().time() - started < 1.7
    async with talking(handle) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nnot")
        assert b"" == await reader.read()
    async with talking(handle) as (reader, writer):
        writer.write(PLAIN % 1)
        assert b"ok" == (await answer_of(reader))[1]
        assert b"" == await reader.read()


@pytest.mark.parametrize("is_whole", [True, False])
async def test_who_stops_reading_an_answer_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, is_whole: bool
) -> None:
    monkeypatch.setattr("monynha.protocols.http.connection.BODY_S", 0.3)
    monkeypatch.setattr("monynha.protocols.http.closing.UNREAD_S", 0.3)

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        if is_whole:
            told(scope, b"x" * 30_000_000)
            return
        await send({"type": "http.response.start", "status": 200, "headers": ()})
        for _ in range(300):
            await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})

    async with talking(handle) as (reader, writer):
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await asyncio.sleep(1.5)
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        received = b""
        with suppress(ConnectionError):
            received = await reader.read()

    assert len(received) < 30_000_000


async def test_who_asks_and_does_not_read_is_not_answered_without_end() -> None:
    answered = 0

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal answered
        answered += 1
        told(scope, b"x" * 1_000_000)

    async with talking(handle) as (reader, writer):
        writer.write(PLAIN % 1 * 200)
        await asyncio.sleep(0.5)
        assert answered < 50
        bodies = [len((await answer_of(reader))[1]) for _ in range(200)]

    assert [1_000_000] * 200 == bodies
