"""Waiting for a peer to read, and closing after it has."""

from __future__ import annotations

import asyncio

import pytest

from monynha.protocols.http.server import backpressure
from monynha.protocols.http.server.backpressure import DrainEvent, close_gracefully
from tests.conditions import wait_until

pytestmark = pytest.mark.anyio


class ClosingTransport(asyncio.Transport):
    """A transport that is closed once its client has read everything."""

    def __init__(self, unread_bytes: int) -> None:
        super().__init__()
        self.unread_bytes = unread_bytes
        self.is_closed = self.is_aborted = False

    def get_write_buffer_size(self) -> int:
        return self.unread_bytes

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_aborted = True


async def test_everything_that_waits_is_resumed() -> None:
    event = DrainEvent()
    waiting = [asyncio.create_task(event.wait(60)) for _ in range(3)]
    await asyncio.sleep(0)

    event.set()

    assert await asyncio.gather(*waiting) == [True] * 3
    assert await event.wait(0.01) is False


async def test_a_client_that_reads_nothing_is_aborted_at_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backpressure, "CLOSE_TIMEOUT_S", 0.01)
    stalled, drained = ClosingTransport(10), ClosingTransport(0)

    close_gracefully(stalled)
    close_gracefully(drained)
    await wait_until(lambda: stalled.is_aborted)

    assert (stalled.is_closed, drained.is_closed, drained.is_aborted) == (True, True, False)


async def test_a_client_that_goes_on_reading_is_not_aborted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backpressure, "CLOSE_TIMEOUT_S", 0.01)
    sizes = iter(range(50, -1, -1))

    class ReadTransport(ClosingTransport):
        """A transport whose client reads a byte between two checks."""

        def get_write_buffer_size(self) -> int:
            self.unread_bytes = next(sizes, 0)
            return self.unread_bytes

    transport = ReadTransport(50)

    close_gracefully(transport)
    await wait_until(lambda: transport.unread_bytes == 0)

    assert not transport.is_aborted
