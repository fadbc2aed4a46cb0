"""Timeouts of HTTP/1.1 connections, and clients that do not read."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from monynha.protocols.http.request import HttpScope, Receive, Send
from tests.conditions import TIMEOUT_S
from tests.protocols.http.server.raw_client import (
    GET_REQUEST,
    connect_to,
    read_response,
    send_complete_response,
)

pytestmark = pytest.mark.anyio


async def test_slow_head_is_408_and_silent_connection_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HEAD_TIMEOUT_S", "BODY_TIMEOUT_S", "IDLE_TIMEOUT_S"):
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
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nnot")
        assert await reader.read() == b""
    async with connect_to(handle) as (reader, writer):
        writer.write(GET_REQUEST % 1)
        assert (await read_response(reader))[1] == b"ok"
        assert await reader.read() == b""


@pytest.mark.parametrize("is_complete", [True, False])
async def test_client_that_stops_reading_is_disconnected(monkeypatch: pytest.MonkeyPatch, is_complete: bool) -> None:
    monkeypatch.setattr("monynha.protocols.http.server.connection.BODY_TIMEOUT_S", 0.3)
    monkeypatch.setattr("monynha.protocols.http.server.connection.CLOSE_TIMEOUT_S", 0.3)

    async def handle(scope: HttpScope, receive: Receive, send: Send) -> None:
        if is_complete:
            send_complete_response(scope, b"x" * 30_000_000)
            return
        await send({"type": "http.response.start", "status": 200, "headers": ()})
        for _ in range(300):
            await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})

    async with connect_to(handle) as (reader, writer):
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # typed as a WriteTransport
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await asyncio.sleep(1.5)
        writer.transport.resume_reading()  # type: ignore[attr-defined]  # typed as a WriteTransport
        received = b""
        with suppress(ConnectionError):
            received = await reader.read()

    assert len(received) < 30_000_000


async def test_client_that_does_not_read_is_not_served_further() -> None:
    handled_count = 0

    async def handle(scope: HttpScope, receive: Receive, send: Send) -> None:
        nonlocal handled_count
        handled_count += 1
        send_complete_response(scope, b"x" * 1_000_000)

    async with connect_to(handle) as (reader, writer):
        writer.write(GET_REQUEST % 1 * 200)
        await asyncio.sleep(0.5)
        assert handled_count < 50
        bodies = [len((await read_response(reader))[1]) for _ in range(200)]

    assert bodies == [1_000_000] * 200
