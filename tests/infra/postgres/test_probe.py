"""The probe: the database counts as responding while a probe has completed within five seconds."""

from __future__ import annotations

import asyncio

import pytest

from monynha.core.errors import UnavailableError
from monynha.infra.postgres import probe
from monynha.infra.postgres.probe import DatabaseProbe

pytestmark = pytest.mark.anyio


class Clock:
    """A clock that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Server:
    """A database that responds, fails or hangs."""

    state = "responds"
    probe_count = 0

    async def __call__(self) -> bool:
        self.probe_count += 1
        if self.state == "fails":
            raise UnavailableError()
        if self.state == "hangs":
            await asyncio.sleep(60)
        return self.state == "responds"

    async def wait_for_probes(self, count: int) -> None:
        """Wait until so many more probes have begun."""
        expected = self.probe_count + count
        async with asyncio.timeout(10):
            while self.probe_count < expected:
                await asyncio.sleep(0.005)


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probe often, and do not wait long for a probe that hangs."""
    monkeypatch.setattr(probe, "_INTERVAL_S", 0.01)
    monkeypatch.setattr(probe, "_ANSWER_AFTER_S", 0.05)


async def test_database_that_hangs_is_away_five_seconds_after_the_last_probe() -> None:
    clock, server = Clock(), Server()
    database_probe = DatabaseProbe(server, clock=clock)
    database_probe.start()
    try:
        await server.wait_for_probes(2)
        server.state = "hangs"
        await server.wait_for_probes(1)
        assert await database_probe.is_responding()

        clock.now += 5.1
        assert not await database_probe.is_responding()
    finally:
        database_probe.stop()


@pytest.mark.parametrize("state", ["fails", "is not reachable"])
async def test_database_that_is_away_is_reported_at_once_until_it_is_back(state: str) -> None:
    clock, server = Clock(), Server()
    database_probe = DatabaseProbe(server, clock=clock)
    assert await database_probe.is_responding()

    server.state = state
    assert not await database_probe.is_responding()
    server.state = "responds"
    assert await database_probe.is_responding()


async def test_probe_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_MAX_AGE_S", 0.05)
    server = Server()
    server.state = "hangs"
    database_probe = DatabaseProbe(server)
    database_probe.start()
    try:
        await server.wait_for_probes(3)
        server.state = "responds"
        await server.wait_for_probes(2)
        assert await database_probe.is_responding()
    finally:
        database_probe.stop()
