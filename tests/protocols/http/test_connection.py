"""A connection as its client sees it: whose turn it is, who waits for whom, and how long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from monynha.protocols.http.request import Receive, Scope, Send
from monynha.protocols.http.response import WHOLE
from tests.live import listening

pytestmark = pytest.mark.anyio

Handle = Callable[[Scope, Receive, Send], Awaitable[None]]
PLAIN = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"


@asynccontextmanager
async def talking(handle: Handle) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Return a connection to a program that handles everything alike."""
    made: Any = handle
    async with listening(made) as address:
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        async with asyncio.timeout(10):
            yield reader, writer
        writer.close()


def told(scope: Scope, body: bytes) -> None:
    """Answer in one write."""
    scope[WHOLE](200, ((b"content-length", b"%d" % len(body)),), body)


async def answer_of(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Return the head of the next answer, and a body of the length that it tells."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    size = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return head, await reader.readexactly(size)


async def test_requests_are_answered_in_their_order_and_one_at_a_time() -> None:
    under_way: list[str] = []

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        under_way.append(scope["path"])
        assert [scope["path"]] == under_way
        await asyncio.sleep(0.05 if scope["path"] == "/0" else 0)
        under_way.clear()
        told(scope, scope["path"].encode())

    async with talking(handle) as (reader, writer):
        writer.write(b"".join(PLAIN % number for number in range(20)))

        assert [b"/%d" % number for number in range(20)] == [(await answer_of(reader))[1] for _ in range(20)]


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


async def test_a_body_waits_for_its_reader_and_comes_whole() -> None:
    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.2)
        size, more = 0, True
        while more:
            message = await receive()
            size, more = size + len(message["body"]), message["more_body"]
        told(scope, b"%d" % size)

    async with talking(handle) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n" + b"x" * 5_000_000)
        assert b"5000000" == (await answer_of(reader))[1]
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        assert b"3" == (await answer_of(reader))[1]


async def test_who_waits_for_leave_to_send_is_given_it() -> None:
    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        told(scope, (await receive())["body"])

    async with talking(handle) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert b"HTTP/1.1 100 Continue\r\n\r\n" == await reader.readuntil(b"\r\n\r\n")
        writer.write(b"ok")
        assert b"ok" == (await answer_of(reader))[1]


@pytest.mark.parametrize(("version", "is_chunked"), [("1.1", True), ("1.0", False)])
async def test_an_answer_of_unknown_length_ends_where_its_reader_sees_it(
    version: str, is_chunked: bool
) -> None:
    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": ()})
        for part in (b"one ", b"two"):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async with talking(handle) as (reader, writer):
        writer.write(f"GET / HTTP/{version}\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")

    assert is_chunked == (b"transfer-encoding: chunked" in head)
    assert (b"4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n" if is_chunked else b"one two") == body


async def test_a_handler_hears_that_its_client_left() -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] != "http.disconnect":
            heard.put_nowait(message["type"])
        heard.put_nowait("left")

    async with talking(handle) as (_, writer):
        writer.write(PLAIN % 1)
        assert "http.request" == await heard.get()
        writer.transport.abort()
        assert "left" == await heard.get()


async def test_a_handler_that_fails_is_told_without_its_reasons() -> None:
    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/1":
            raise RuntimeError("a secret")
        scope[WHOLE](200, ((b"x-odd", b"a\r\nb: c"), (b"content-length", b"0")), b"")

    for number in (1, 2):
        async with talking(handle) as (reader, writer):
            writer.write(PLAIN % number)
            received = await reader.read()
        assert received.startswith(b"HTTP/1.1 500 ")
        assert b"secret" not in received
        assert b"b: c" not in received


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


async def test_what_is_under_way_is_answered_before_the_program_stops() -> None:
    begun = asyncio.Event()

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        await asyncio.sleep(0.2)
        told(scope, b"ok")

    made: Any = handle
    async with listening(made) as address:
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(PLAIN % 1)
        await begun.wait()

    head, body = await answer_of(reader)
    assert (b"ok", b"") == (body, await reader.read())
    assert b"connection: close" in head
    writer.close()


async def test_another_protocol_than_a_socket_is_declined_by_an_answer() -> None:
    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        told(scope, b"plain")

    async with talking(handle) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
        head, body = await answer_of(reader)
        assert (b"plain", b"") == (body, await reader.read())
        assert b"connection: close" in head
