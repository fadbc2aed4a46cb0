"""HTTP/1.1 connections: pipelining, bodies, framing of responses, errors, shutdown."""

from __future__ import annotations

import asyncio
import gc

import pytest

from monynha.protocols.http.request import HttpScope, Receive, Send
from monynha.protocols.http.server.connection import HttpConnection, is_valid_head, without_upgrade
from monynha.protocols.http.server.request_cycle import RequestCycle
from tests.live_server import serve
from tests.protocols.http.server.raw_client import (
    GET_REQUEST,
    application_of,
    connect_to,
    read_response,
    send_complete_response,
)

pytestmark = pytest.mark.anyio


async def test_pipelined_requests_are_handled_in_order_one_at_a_time() -> None:
    running_paths: list[str] = []

    async def handle(scope: HttpScope, receive: Receive, send: Send) -> None:
        running_paths.append(scope["path"])
        assert running_paths == [scope["path"]]
        await asyncio.sleep(0.05 if scope["path"] == "/0" else 0)
        running_paths.clear()
        send_complete_response(scope, scope["path"].encode())

    async with connect_to(handle) as (reader, writer):
        writer.write(b"".join(GET_REQUEST % number for number in range(20)))

        bodies = [(await read_response(reader))[1] for _ in range(20)]

    assert bodies == [b"/%d" % number for number in range(20)]


async def test_large_body_is_delivered_completely_to_a_slow_handler() -> None:
    async def handle(scope: HttpScope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.2)
        size, more = 0, True
        while more:
            message = await receive()
            size, more = size + len(message["body"]), message["more_body"]
        send_complete_response(scope, b"%d" % size)

    async with connect_to(handle) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n" + b"x" * 5_000_000)
        assert (await read_response(reader))[1] == b"5000000"
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        assert (await read_response(reader))[1] == b"3"


async def test_expect_100_continue_is_answered() -> None:
    async def handle(scope: HttpScope, receive: Receive, send: Send) -> None:
        send_complete_response(scope, (await receive())["body"])

    async with connect_to(handle) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"ok")
        assert (await read_response(reader))[1] == b"ok"


@pytest.mark.parametrize(("version", "is_chunked"), [("1.1", True), ("1.0", False)])
async def test_response_of_unknown_length_is_delimited(version: str, is_chunked: bool) -> None:
    async def handle(scope: HttpScope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": ()})
        for part in (b"one ", b"two"):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async with connect_to(handle) as (reader, writer):
        writer.write(f"GET / HTTP/{version}\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")

    assert (b"transfer-encoding: chunked" in head) is is_chunked
    assert body == (b"4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n" if is_chunked else b"one two")


async def test_handler_is_told_that_the_client_disconnected() -> None:
    events: asyncio.Queue[str] = asyncio.Queue()

    async def handle(scope: HttpScope, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] != "http.disconnect":
            events.put_nowait(message["type"])
        events.put_nowait("disconnected")

    async with connect_to(handle) as (_, writer):
        writer.write(GET_REQUEST % 1)
        assert await events.get() == "http.request"
        writer.transport.abort()
        assert await events.get() == "disconnected"


async def echo(scope: HttpScope, receive: Receive, send: Send) -> None:
    """Respond with the names of the headers and the body; `/slow` takes a while."""
    await asyncio.sleep(0.2 if scope["path"] == "/slow" else 0)
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message["body"], message["more_body"]
    send_complete_response(scope, b",".join(name for name, _ in scope["headers"]) + b"|" + body)


async def test_malformed_chunk_ends_the_waiting_handler() -> None:
    received, disconnected = asyncio.Event(), asyncio.Event()

    async def handle(scope: HttpScope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            received.set()
        disconnected.set()

    async with connect_to(handle) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        await received.wait()
        writer.write(b"ZZ\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        await disconnected.wait()


@pytest.mark.parametrize("following_bytes", [b"GARBAGE\r\n\r\n", GET_REQUEST % 1 + b"GARBAGE\r\n\r\n"])
async def test_malformed_request_is_rejected_after_the_pending_ones(following_bytes: bytes) -> None:
    async with connect_to(echo) as (reader, writer):
        writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n" + following_bytes)
        for _ in range(1 + following_bytes.count(b"GET")):
            assert (await read_response(reader))[1] == b"host|"
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")


async def test_bytes_after_connection_close_are_ignored() -> None:
    async with connect_to(echo) as (reader, writer):
        writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGARBAGE\r\n\r\n")
        assert (await read_response(reader))[1] == b"host,connection|"
        assert await reader.read() == b""


async def test_trailers_are_not_headers_and_are_limited() -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
    async with connect_to(echo) as (reader, writer):
        writer.write(head + b"Authorization: Bearer x\r\n\r\n")
        assert (await read_response(reader))[1] == b"host,transfer-encoding|a"
        writer.write(head)
        await asyncio.sleep(0.1)
        for _ in range(40):
            writer.write(b"X: " + b"x" * 5_000 + b"\r\n")
            await asyncio.sleep(0.01)
            if reader.at_eof() or writer.is_closing():
                break
        else:
            raise AssertionError("endless trailers were read")


async def test_head_request_of_a_streamed_response_has_no_body() -> None:
    async def handle(scope: HttpScope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": ()})
        await send({"type": "http.response.body", "body": b"data", "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async with connect_to(handle) as (reader, writer):
        writer.write(b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200 OK")
    assert body == b""


async def test_failing_handler_is_a_500_without_details() -> None:
    async def handle(scope: HttpScope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/1":
            raise RuntimeError("a secret")
        scope["send_complete"](200, ((b"x-injected", b"a\r\nb: c"), (b"content-length", b"0")), b"")

    for number in (1, 2):
        async with connect_to(handle) as (reader, writer):
            writer.write(GET_REQUEST % number)
            received = await reader.read()
        assert received.startswith(b"HTTP/1.1 500 ")
        assert b"secret" not in received
        assert b"b: c" not in received


async def test_running_requests_finish_before_shutdown() -> None:
    started = asyncio.Event()

    async def handle(scope: HttpScope, receive: Receive, send: Send) -> None:
        started.set()
        await asyncio.sleep(0.2)
        send_complete_response(scope, b"ok")

    async with serve(application_of(handle)) as address:
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(GET_REQUEST % 1)
        await started.wait()

    head, body = await read_response(reader)
    assert (body, await reader.read()) == (b"ok", b"")
    assert b"connection: close" in head
    writer.close()


@pytest.mark.parametrize("options", [b"Upgrade, HTTP2-Settings", b"keep-alive, upgrade"])
@pytest.mark.parametrize("protocol", [b"h2c", b"websocket/14", b"TLS/1.0, HTTP/1.1"])
async def test_an_upgrade_to_another_protocol_is_ignored(options: bytes, protocol: bytes) -> None:
    lines = b"Host: x\r\nConnection: " + options + b"\r\nUpgrade: " + protocol + b"\r\nHTTP2-Settings: AAA\r\n"
    async with connect_to(echo) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\n" + lines + b"\r\n")
        writer.write(b"POST / HTTP/1.1\r\n" + lines + b"Content-Length: 4\r\n\r\nbody" + GET_REQUEST % 1)
        bodies = [(await read_response(reader))[1].rpartition(b"|")[2] for _ in range(3)]
        writer.write(b"POST / HTTP/1.1\r\n" + lines + b"Transfer-Encoding: chunked\r\n\r\n2\r\n")
        await asyncio.sleep(0.05)
        writer.write(b"bo\r\n0\r\n\r\n")
        bodies.append((await read_response(reader))[1].rpartition(b"|")[2])

    assert bodies == [b"", b"body", b"", b"bo"]


async def test_a_malformed_body_behind_a_running_request_is_rejected_after_it() -> None:
    async with connect_to(echo) as (reader, writer):
        writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\nZZ\r\n")
        assert (await read_response(reader))[1] == b"host|"
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("size", [70_000, 40_000])
async def test_a_head_over_the_limit_is_431_however_it_is_split(size: int) -> None:
    async with connect_to(echo) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * size)
        if size < 64 * 1024:
            await asyncio.sleep(0.1)
        writer.write(b"x" * (70_000 - size) + b"\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 431 ")


def open_connections() -> set[int]:
    """Return the ids of the objects of connections that exist."""
    return {id(value) for value in gc.get_objects() if isinstance(value, HttpConnection | RequestCycle)}


async def test_closed_connections_are_freed_without_the_garbage_collector() -> None:
    gc.collect()
    gc.disable()
    before = open_connections()
    try:
        async with serve(application_of(echo)) as address:
            host, port = address.split(":")
            for data in (GET_REQUEST % 1, GET_REQUEST % 1 + b"GARBAGE\r\n\r\n", GET_REQUEST[:-2], POST_WITHOUT_BODY):
                _, writer = await asyncio.open_connection(host, int(port))
                writer.write(data)
                await asyncio.sleep(0.05)
                writer.close()
            async with asyncio.timeout(10):
                while open_connections() - before:
                    await asyncio.sleep(0.05)
    finally:
        gc.enable()


POST_WITHOUT_BODY = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
CHUNKED = (b"transfer-encoding", b"chunked")


@pytest.mark.parametrize(
    ("version", "headers", "is_valid"),
    [
        ("1.1", [(b"host", b"example.com:8000")], True),
        ("1.1", [(b"host", b"[::1]:8000")], True),
        ("1.1", [(b"host", b"")], True),
        ("1.1", [(b"host", b"x"), CHUNKED], True),
        ("1.0", [], True),
        ("1.0", [(b"host", b"x")], True),
        ("1.1", [], False),
        ("1.1", [(b"host", b"x"), (b"host", b"x")], False),
        ("1.0", [(b"host", b"x"), (b"host", b"y")], False),
        ("1.1", [(b"host", b"x/y@z")], False),
        ("1.1", [(b"host", b"x"), (b"transfer-encoding", b"gzip, chunked")], False),
        ("2.0", [(b"host", b"x")], False),
    ],
)
def test_ambiguous_heads_are_invalid(version: str, headers: list[tuple[bytes, bytes]], is_valid: bool) -> None:
    assert is_valid_head(version, headers) is is_valid


def test_the_headers_of_an_ignored_upgrade_are_removed() -> None:
    headers = [(b"host", b"x"), (b"connection", b"Upgrade, close"), (b"upgrade", b"h2c"), (b"http2-settings", b"A")]

    assert without_upgrade(headers) == [(b"host", b"x"), (b"connection", b"close")]
    assert without_upgrade([(b"connection", b"upgrade")]) == []
