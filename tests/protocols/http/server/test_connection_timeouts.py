"""Timeouts of HTTP/1.1 connections, and clients that do not read."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from monynha.protocols.http.request import HttpScope, Receive, Send
from monynha.protocols.http.server.unsent_bytes import UnsentBytes
from tests.conditions import TIMEOUT_S, wait_until
from tests.live_server import serve
from tests.protocols.http.server.raw_client import (
    GET_REQUEST,
    application_of,
    connect_to,
    read_response,
    send_complete_response,
)

pytestmark = pytest.mark.anyio


async def test_slow_head_is_408_and_silent_connection_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HEAD_TIMEOUT_S", "IDLE_TIMEOUT_S"):
        monkeypatch.setattr(f"monynha.protocols.http.server.connection.{name}", 1.0)

    async def handle(scope: HttpScope, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] == "http.request" and message["more_body"]:
            pass
        if message["type"] == "http.request":
            send_complete_response(scope, b"ok")

    async with connect_to(handle) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\n")
        response = asyncio.create_task(reader.read())
        async with asyncio.timeout(TIMEOUT_S):
            while not response.done():  # each line would extend a timeout that began with it
                writer.write(b"X: y\r\n")
                await asyncio.sleep(0.1)
        assert (await response).startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    async with connect_to(handle) as (reader, writer):
        writer.write(GET_REQUEST % 1)
        assert (await read_response(reader))[1] == b"ok"
        assert await reader.read() == b""


@pytest.mark.parametrize("is_complete", [True, False])
async def test_client_that_stops_reading_is_disconnected(monkeypatch: pytest.MonkeyPatch, is_complete: bool) -> None:
    monkeypatch.setattr("monynha.protocols.http.server.connection.DRAIN_TIMEOUT_S", 0.3)
    monkeypatch.setattr("monynha.protocols.http.server.backpressure.CLOSE_TIMEOUT_S", 0.3)

    async def handle(scope: HttpScope, receive: Receive, send: Send) -> None:
        if is_complete:
            send_complete_response(scope, b"x" * 30_000_000)
            return
        await send({"type": "http.response.start", "status": 200, "headers": ()})
        for _ in range(300):
            await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})

    unsent_bytes = UnsentBytes(1_000_000_000)
    async with serve(application_of(handle), unsent_bytes=unsent_bytes) as address:
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # typed as a WriteTransport
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await wait_until(lambda: unsent_bytes.total_bytes > 0)
        await wait_until(lambda: unsent_bytes.total_bytes == 0)
        writer.transport.resume_reading()  # type: ignore[attr-defined]  # typed as a WriteTransport
        received = b""
        with suppress(ConnectionError):
            received = await reader.read()
        writer.close()

    assert len(received) < 30_000_000


async def test_client_that_does_not_read_is_not_served_further() -> None:
    handled_count = 0

    async def handle(scope: HttpScope, receive: Receive, send: Send) -> None:
        nonlocal handled_count
        handled_count += 1
        send_complete_response(scope, b"x" * 1_000_000)

    async with connect_to(handle) as (reader, writer):
        writer.write(GET_REQUEST % 1 * 200)
        # However long it does not read.
        await asyncio.sleep(0.5)
        assert handled_count < 50
        bodies = [len((await read_response(reader))[1]) for _ in range(200)]

    assert bodies == [1_000_000] * 200


async def read_body(scope: HttpScope, receive: Receive, send: Send) -> None:
    """Respond with the size of the body, after all of it has arrived; `/early` responds at once."""
    size, more = 0, scope["path"] != "/early"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size, more = size + len(message["body"]), message["more_body"]
    send_complete_response(scope, b"%d" % size)


@pytest.mark.parametrize("header", [b"Content-Length: 5000", b"Transfer-Encoding: chunked"])
async def test_a_body_that_takes_too_long_is_408_however_often_a_byte_arrives(
    monkeypatch: pytest.MonkeyPatch, header: bytes
) -> None:
    monkeypatch.setattr("monynha.protocols.http.server.connection.BODY_TIMEOUT_S", 0.5)

    async with connect_to(read_body) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n\r\n")
        answer = asyncio.create_task(reader.read())
        while not answer.done():
            writer.write(b"x" if b"Length" in header else b"1\r\nx\r\n")
            await asyncio.wait({answer}, timeout=0.05)
        assert (await answer).startswith(b"HTTP/1.1 408 Request Timeout\r\n")


async def test_a_large_body_has_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monynha.protocols.http.server.connection.BODY_TIMEOUT_S", 0.1)

    async with connect_to(read_body) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 160000\r\n\r\n")
        for _ in range(4):
            await asyncio.sleep(0.2)
            writer.write(b"x" * 40_000)
        assert (await read_response(reader))[1] == b"160000"


async def test_the_rest_of_a_body_after_its_response_is_read_up_to_64_kb() -> None:
    async with connect_to(read_body) as (reader, writer):
        writer.write(b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n")
        head, body = await read_response(reader)
        assert (b"connection: close" in head, body) == (False, b"0")
        writer.write(b"x" * 60_000 + GET_REQUEST % 1)
        assert (await read_response(reader))[1] == b"0"


@pytest.mark.parametrize("header", [b"Content-Length: 9000000", b"Transfer-Encoding: chunked"])
async def test_a_longer_rest_of_a_body_closes_after_the_response(header: bytes) -> None:
    async with connect_to(read_body) as (reader, writer):
        writer.write(b"POST /early HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n\r\n")
        response = await read_response(reader)
        answer = asyncio.create_task(reader.read())
        while not answer.done():
            writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
            await asyncio.wait({answer}, timeout=0.01)

    assert (b"connection: close" in response[0]) == (b"Length" in header)
    assert answer.exception() is not None or answer.result() == b""


async def test_the_rest_of_a_body_after_its_response_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monynha.protocols.http.server.connection.BODY_TIMEOUT_S", 0.3)

    async with connect_to(read_body) as (reader, writer):
        writer.write(b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        await read_response(reader)
        answer = asyncio.create_task(reader.read())
        while not answer.done():
            writer.write(b"x")
            await asyncio.wait({answer}, timeout=0.05)


async def test_a_client_that_half_closes_gets_its_responses() -> None:
    async def handle(scope: HttpScope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.2)
        send_complete_response(scope, scope["path"].encode())

    async with connect_to(handle) as (reader, writer):
        writer.write(GET_REQUEST % 1 + GET_REQUEST % 2)
        writer.write_eof()
        assert [(await read_response(reader))[1] for _ in range(2)] == [b"/1", b"/2"]
        assert await reader.read() == b""


async def test_a_handler_is_told_when_a_client_has_been_half_closed_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monynha.protocols.http.server.connection.HALF_CLOSE_TIMEOUT_S", 0.2)
    disconnected = asyncio.Event()

    async def handle(scope: HttpScope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        disconnected.set()

    async with connect_to(handle) as (reader, writer):
        writer.write(GET_REQUEST % 1)
        writer.write_eof()
        await disconnected.wait()
        assert await reader.read() == b""
