"""A connection as its client sees it: whose turn it is, who waits for whom, and how long."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from monynha.protocols.http.request import Receive, Scope, Send
from monynha.protocols.http.response import WHOLE
from tests.live import listening
from tests.protocols.http.talking import PLAIN, answer_of, talking, told

pytestmark = pytest.mark.anyio


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


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the headers and the body, after a while where the path asks for one."""
    await asyncio.sleep(0.2 if scope["path"] == "/slow" else 0)
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message["body"], message["more_body"]
    told(scope, b",".join(name for name, _ in scope["headers"]) + b"|" + body)


async def test_a_body_that_breaks_off_leaves_no_handler_waiting() -> None:
    left = asyncio.Event()

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        left.set()

    async with talking(handle) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        await asyncio.sleep(0.1)
        writer.write(b"ZZ\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        await left.wait()


@pytest.mark.parametrize("then", [b"GARBAGE\r\n\r\n", PLAIN % 1 + b"GARBAGE\r\n\r\n"])
async def test_what_cannot_be_read_is_refused_after_what_came_before(then: bytes) -> None:
    async with talking(echo) as (reader, writer):
        writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n" + then)
        for _ in range(1 + then.count(b"GET")):
            assert b"host|" == (await answer_of(reader))[1]
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")


async def test_what_follows_the_last_request_is_not_looked_at() -> None:
    async with talking(echo) as (reader, writer):
        writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGARBAGE\r\n\r\n")
        assert b"host,connection|" == (await answer_of(reader))[1]
        assert b"" == await reader.read()


async def test_trailers_are_no_headers_and_have_an_end() -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
    async with talking(echo) as (reader, writer):
        writer.write(head + b"Authorization: Bearer x\r\n\r\n")
        assert b"host,transfer-encoding|a" == (await answer_of(reader))[1]
        writer.write(head)
        await asyncio.sleep(0.1)
        for _ in range(40):
            writer.write(b"X: " + b"x" * 5_000 + b"\r\n")
            await asyncio.sleep(0.01)
            if reader.at_eof() or writer.is_closing():
                break
        else:
            raise AssertionError("trailers without an end were read")


async def test_a_head_of_a_stream_has_no_body() -> None:
    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": ()})
        await send({"type": "http.response.body", "body": b"data", "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async with talking(handle) as (reader, writer):
        writer.write(b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200 OK")
    assert b"" == body


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
