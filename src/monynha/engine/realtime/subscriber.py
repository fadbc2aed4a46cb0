"""A subscriber's side of the hub: what it implements, and the buffering and back-pressure of one subscription.

Events that a subscriber cannot take yet are kept as references to the shared `Event`, and sent as it takes them.
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
"""How many pending events are sent at most before the event loop turns to others."""
_MAX_PENDING = 20_000
"""How many events wait for a slow reader before it is disconnected."""


class Sink(Protocol):
    """Where a subscriber's messages leave the process, as a socket."""

    @property
    def is_full(self) -> bool:
        """Whether the peer leaves so much unread that events should wait."""

    async def drain(self) -> None:
        """Return once the peer has read most of it; a peer that reads nothing for long is disconnected."""

    def disconnect(self) -> None:
        """Disconnect a peer that reads too slowly."""


class Subscriber(Protocol):
    """A receiver of events, as one `/ws` socket. Its methods return at once."""

    @property
    def sink(self) -> Sink | None:
        """Where its messages go; None if it can take every event at once."""

    @property
    def actor(self) -> Actor:
        """On whose behalf it subscribes."""

    def on_event(self, event: Event) -> None:
        """Receive an event."""

    def on_revoked(self, stream: Stream) -> None:
        """Learn that access to a stream has ended; the hub has unsubscribed it."""

    def on_session_end(self) -> None:
        """Learn that the actor's session has ended."""


@dataclass(eq=False)
class Subscription:
    """A subscriber's subscription to one stream.

    It buffers until `activate` is called, so that the reply to the subscription can be sent first.
    """

    subscriber: Subscriber
    version: int
    """The version of the stream at the time of subscribing; `deliver` ignores events up to it."""
    is_complete: bool = True
    """Whether all missed events could be replayed; otherwise the client has to fetch its state again."""
    is_revoked: bool = False
    is_closed: bool = False
    pending: list[Event] | None = field(default_factory=list)
    """Events that wait to be sent; None while events are passed on at once."""
    _delivery: asyncio.Task[None] | None = None

    def activate(self) -> None:
        """Send the pending events, and from now on each event as it arrives."""
        pending, sink = self.pending or [], self.subscriber.sink
        sent_count = self._send_all(pending if sink is None else pending[:_BATCH_SIZE], sink)
        self.pending = pending[sent_count:] or None
        if self.pending is not None and sink is not None:
            self._start_delivery(sink)

    def deliver(self, event: Event) -> None:
        """Pass an event on, or keep it while the sink is full."""
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

    def close(self) -> None:
        """Send nothing more."""
        self.is_closed = True
        if self._delivery is not None:
            self._delivery.cancel()

    def _send_all(self, events: list[Event], sink: Sink | None = None) -> int:
        """Send events, at least one, until the sink is full; return how many."""
        for count, event in enumerate(events):
            if self.is_closed or (count and sink is not None and sink.is_full):
                return count
            try:
                self.subscriber.on_event(event)
            except Exception as error:
                # An error with one event must not keep back all that follow.
                _log.error("a subscriber failed", err={"type": type(error).__name__, "message": str(error)})
        return len(events)

    def _start_delivery(self, sink: Sink) -> None:
        self._delivery = asyncio.get_running_loop().create_task(self._deliver_pending(sink))

    async def _deliver_pending(self, sink: Sink) -> None:
        while self.pending and not self.is_closed:
            await sink.drain()
            sent_count = self._send_all(self.pending[:_BATCH_SIZE], sink)
            del self.pending[:sent_count]
            await asyncio.sleep(0)
        self.pending = self._delivery = None
