"""Clients that read slowly: the least speed, and the budget of the process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from monynha.protocols.http.server import unsent_bytes as module
from monynha.protocols.http.server.unsent_bytes import UnsentBytes

pytestmark = pytest.mark.anyio
MEGABYTE = 1_000_000


class StalledTransport(asyncio.Transport):
    """A transport whose client reads only what the test takes."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.is_aborted = False

    def get_write_buffer_size(self) -> int:
        return self.size

    def abort(self) -> None:
        self.is_aborted = True


@asynccontextmanager
async def reading(transport: StalledTransport, bytes_per_check: int) -> AsyncIterator[None]:
    """Read so much between two checks meanwhile."""

    async def read() -> None:
        while True:
            await asyncio.sleep(0.02)
            transport.size -= bytes_per_check

    task = asyncio.create_task(read())
    yield
    task.cancel()


async def wait_aborted(transport: StalledTransport) -> None:
    """Return when it is aborted."""
    async with asyncio.timeout(10):
        while not transport.is_aborted:
            await asyncio.sleep(0.01)


@pytest.fixture
def _frequent_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHECK_INTERVAL_S", 0.02)


@pytest.mark.usefixtures("_frequent_checks")
async def test_only_a_client_below_the_least_speed_is_aborted() -> None:
    unsent_bytes = UnsentBytes(1_000 * MEGABYTE)
    stalled, fast = StalledTransport(MEGABYTE), StalledTransport(100 * MEGABYTE)

    async with reading(fast, 64 * 1024):
        fast_reader = unsent_bytes.watch(fast)
        unsent_bytes.watch(stalled)
        await wait_aborted(stalled)
        assert not fast.is_aborted
        unsent_bytes.unwatch(fast_reader)

    assert unsent_bytes.total_bytes == 0


async def test_beyond_the_budget_the_slowest_are_aborted() -> None:
    unsent_bytes = UnsentBytes(25 * MEGABYTE)
    transports = [StalledTransport(10 * MEGABYTE) for _ in range(4)]

    for transport in transports:
        unsent_bytes.watch(transport)

    assert [transport.is_aborted for transport in transports] == [True, True, False, False]
    assert unsent_bytes.total_bytes == 20 * MEGABYTE


@pytest.mark.usefixtures("_frequent_checks")
async def test_a_fast_reader_outlives_a_slow_one_when_the_budget_is_exceeded() -> None:
    unsent_bytes = UnsentBytes(25 * MEGABYTE)
    fast, slow, third = (StalledTransport(10 * MEGABYTE) for _ in range(3))

    async with reading(fast, 64 * 1024):
        unsent_bytes.watch(fast)
        slow_reader = unsent_bytes.watch(slow)
        async with asyncio.timeout(10):
            while len(slow_reader.samples) < 4:
                await asyncio.sleep(0.01)
        unsent_bytes.watch(third)

    assert (fast.is_aborted, slow.is_aborted, third.is_aborted) == (False, True, False)


async def test_what_waits_before_the_write_buffer_counts_as_well() -> None:
    unsent_bytes = UnsentBytes(25 * MEGABYTE)
    transports = [StalledTransport(MEGABYTE) for _ in range(3)]
    waiting = [20 * MEGABYTE, 0, 10 * MEGABYTE]

    for transport, size in zip(transports, waiting, strict=True):
        unsent_bytes.watch(transport, partial(int, size))

    assert [transport.is_aborted for transport in transports] == [True, False, False]
    assert unsent_bytes.total_bytes == 12 * MEGABYTE


async def test_a_drained_connection_counts_no_more() -> None:
    unsent_bytes = UnsentBytes(25 * MEGABYTE)
    reader = unsent_bytes.watch(StalledTransport(10 * MEGABYTE))

    unsent_bytes.unwatch(reader)
    unsent_bytes.unwatch(reader)

    assert unsent_bytes.total_bytes == 0
