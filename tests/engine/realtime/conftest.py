"""A hub of the test's own on the real database, and a subscriber that records what it receives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from monynha.app.composition.catalog import CATALOG
from monynha.core.actor import Actor
from monynha.engine.query.compiler import Compiler
from monynha.engine.query.queries import Queries
from monynha.engine.realtime.event_log import Event, EventLog, Stream
from monynha.engine.realtime.hub import Hub
from monynha.engine.realtime.stream_authorization import StreamAuthorizer
from monynha.infra.postgres.database import Database
from tests.live_server import TIMEOUT_S


@dataclass(eq=False)
class RecordingSubscriber:
    """A subscriber without a sink."""

    actor: Actor
    sink: None = None
    events: list[Event] = field(default_factory=list)
    revoked: list[Stream] = field(default_factory=list)
    ended_sessions: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def on_event(self, event: Event) -> None:
        self.events.append(event)
        self._changed.set()

    def on_revoked(self, stream: Stream) -> None:
        self.revoked.append(stream)
        self._changed.set()

    def on_session_end(self) -> None:
        self.ended_sessions += 1
        self._changed.set()

    async def wait_for_change(self) -> None:
        """Return once something has been recorded since the last call."""
        async with asyncio.timeout(TIMEOUT_S):
            await self._changed.wait()
        self._changed.clear()

    async def wait_for_events(self, count: int) -> list[int]:
        """Return the versions of the events once there are so many."""
        while len(self.events) < count:
            await self.wait_for_change()
        return [event.version for event in self.events]


@pytest.fixture
def authorizer() -> StreamAuthorizer:
    """Return the access to streams of the whole catalogue."""
    return StreamAuthorizer(CATALOG, Queries(Compiler()))


@pytest.fixture
async def hub(database: Database, authorizer: StreamAuthorizer) -> AsyncIterator[Hub]:
    """Return a running hub, which learns of writes by polling and by `notify`."""
    running_hub = Hub(EventLog(database), authorizer)
    running_hub.start()
    yield running_hub
    await running_hub.close()
