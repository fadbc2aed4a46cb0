"""Clients that send or read slowly hold neither connections nor memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from monynha.protocols.http.application import HttpApplication
from monynha.protocols.http.cors import CorsPolicy
from monynha.protocols.http.request import HttpScope, Receive, Request, Send
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Route, RouteGroup, Router
from monynha.protocols.http.server import unsent_bytes as module
from monynha.protocols.http.server.unsent_bytes import UnsentBytes
from monynha.protocols.http.sse import SSE_HEADERS, SseStream
from tests.conditions import wait_until
from tests.live_server import serve
from tests.protocols.http.server.raw_client import GET_REQUEST, application_of, send_complete_response

pytestmark = pytest.mark.anyio
MEGABYTE = 1_000_000
BUFFERED_EVENTS, EVENT_BYTES = 90, 10_000
CHUNK_BYTES = 10 * MEGABYTE + len(b"989680\r\n\r\n")
"""Ten megabytes in the chunked coding."""


async def send_ten_megabytes(scope: HttpScope, receive: Receive, send: Send) -> None:
    """Respond with ten megabytes that no other response has."""
    send_complete_response(scope, bytes(10 * MEGABYTE))


def rss() -> int:
    """Return the resident memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


async def open_clients(address: str, count: int) -> list[asyncio.StreamWriter]:
    """Let clients request a response that they do not read."""
    host, port = address.split(":")
    writers = []
    for _ in range(count):
        _, writer = await asyncio.open_connection(host, int(port), limit=1024)
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # typed as a WriteTransport
        writer.write(GET_REQUEST % 1)
        writers.append(writer)
    return writers


async def test_forty_clients_that_read_nothing_stay_within_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    unsent_bytes = UnsentBytes(100 * MEGABYTE)
    before = rss()

    async with serve(application_of(send_ten_megabytes), unsent_bytes=unsent_bytes) as address:
        writers = await open_clients(address, 40)
        totals = []
        for _ in range(40):
            await asyncio.sleep(0.02)
            totals.append(unsent_bytes.total_bytes)
        growth = rss() - before
        for writer in writers:
            writer.transport.abort()

    assert 50 * MEGABYTE < max(totals) <= 100 * MEGABYTE
    assert growth < 200 * MEGABYTE


async def test_a_client_that_reads_nothing_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHECK_INTERVAL_S", 0.05)
    unsent_bytes = UnsentBytes(1_000 * MEGABYTE)

    async with serve(application_of(send_ten_megabytes), unsent_bytes=unsent_bytes) as address:
        writers = await open_clients(address, 3)
        async with asyncio.timeout(10):
            while not unsent_bytes.total_bytes:
                await asyncio.sleep(0.01)
            while unsent_bytes.total_bytes:
                await asyncio.sleep(0.01)
        for writer in writers:
            writer.transport.abort()


async def respond_with_events(request: Request) -> Response:
    """Respond with more than the kernel takes, and then with events that wait in the buffer of the stream."""
    stream = SseStream(set(), b"")
    for _ in range(BUFFERED_EVENTS):
        stream.send(bytes(EVENT_BYTES))

    async def chunks() -> AsyncGenerator[bytes]:
        yield bytes(10 * MEGABYTE)
        async for event in stream.events():
            yield event

    return Response(200, b"", SSE_HEADERS, stream=chunks(), waiting_bytes=stream.buffered_bytes)


async def test_what_an_event_stream_buffers_counts_as_unsent() -> None:
    unsent_bytes = UnsentBytes(1_000 * MEGABYTE)
    application = HttpApplication(Router([RouteGroup("", (Route("GET", "/1", respond_with_events),))]), CorsPolicy())

    async with serve(application_of(application), unsent_bytes=unsent_bytes) as address:
        (writer,) = await open_clients(address, 1)
        await wait_until(lambda: unsent_bytes.total_bytes > 0)
        (reader,) = unsent_bytes._readers
        reader.count()
        kept_bytes = reader.unsent_bytes
        writer.transport.abort()

    # All of the first chunk is kept, although the kernel has taken a part of it.
    assert kept_bytes == CHUNK_BYTES + BUFFERED_EVENTS * EVENT_BYTES
