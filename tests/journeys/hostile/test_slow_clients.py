"""Clients that send or read slowly hold neither connections nor memory."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from monynha.protocols.http.request import HttpScope, Receive, Send
from monynha.protocols.http.server import unsent_bytes as module
from monynha.protocols.http.server.unsent_bytes import UnsentBytes
from tests.live_server import serve
from tests.protocols.http.server.raw_client import GET_REQUEST, application_of, send_complete_response

pytestmark = pytest.mark.anyio
MEGABYTE = 1_000_000


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
