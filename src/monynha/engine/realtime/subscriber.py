"""Who listens, and their places at the streams.

What a listener cannot take yet waits as events that all listeners share, and goes out as they take it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from monynha.core.actor import Actor
from monynha.engine.realtime.event_log import Event, Stream

_log = structlog.get_logger("monynha.hub")
_BATCH_SIZE = 200
"""How many events go out before the listener is asked whether it can take more."""
_MAX_PENDING = 20_000


class Sink(Protocol):
    """Where what a listener hears goes out."""

    @property
    def is_full(self) -> bool:
        """Whether more should wait."""

    async def drain(self) -> None:
        """Return once it can take more; who takes nothing for long is cut off meanwhile."""

    def disconnect(self) -> None:
        """End, since the other side reads too slowly."""


class Subscriber(Protocol):
    """Somebody who hears streams. Its methods return at once."""

    @property
    def sink(self) -> Sink | None:
        """Where what it hears goes out; without one it takes everything at once."""

    @property
    def actor(self) -> Actor:
        """Who is listening."""

    def on_event(self, event: Event) -> None:
        """Take an event."""

    def on_revoked(self, stream: Stream) -> None:
        """Take notice that nothing more of this stream will be heard."""

    def on_session_end(self) -> None:
        """Take notice that the session is over, and with it all that is heard."""


@dataclass(eq=False)
class Subscription:
    """A listener's place at a stream: closed until `open` is called, so that an answer can go out first."""

    subscriber: Subscriber
    version: int
    is_complete: bool = True
    """Whether all that was missed is there; else the listener should ask again for what it shows."""
    is_revoked: bool = False
    is_closed: bool = False
    pending: list[Event] | None = field(default_factory=list)
    _delivery: asyncio.Task[None] | None = None

    def activate(self) -> None:
        """Hand out what was missed and came meanwhile, and from now on everything as it comes."""
        pending = self.pending or []
        if len(pending) > _BATCH_SIZE and self.subscriber.sink is not None:
            self._start_delivery(self.subscriber.sink)
            return
        self.pending = None
        self._send_all(pending)

    def deliver(self, event: Event) -> None:
        """Take an event of the stream."""
        if event.version <= self.version:
            return
        sink = self.subscriber.sink
        if self.pending is None:
            if sink is None or not sink.is_full:
                self.subscriber.on_event(event)
                return
            self.pending = []
            self._start_delivery(sink)
        self.pending.append(event)
        if sink is not None and len(self.pending) > _MAX_PENDING:
            sink.disconnect()

    def _send_all(self, events: list[Event]) -> None:
        for event in events:
            if self.is_closed:
                return
            try:
                self.subscriber.on_event(event)
            except Exception as error:
                # One event's fault is not the loss of all that follow.
                _log.error("a listener failed", err={"type": type(error).__name__, "message": str(error)})

    def close(self) -> None:
        """Hand out nothing more."""
        self.is_closed = True
        if self._delivery is not None:
            self._delivery.cancel()

    def _start_delivery(self, sink: Sink) -> None:
        self._delivery = asyncio.get_running_loop().create_task(self._deliver_pending(sink))

    async def _deliver_pending(self, sink: Sink) -> None:
        while True:
            await sink.drain()
            assert self.pending is not None
            batch, self.pending = self.pending[:_BATCH_SIZE], self.pending[_BATCH_SIZE:]
            self._send_all(batch)
            if not self.pending:
                break
        self.pending = self._delivery = None
