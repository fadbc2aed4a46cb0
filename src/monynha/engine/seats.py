"""Who listens, and their places at the streams.

What a listener cannot take yet waits as events that all listeners share, and goes out as they take it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from monynha.core.actor import Actor
from monynha.engine.history import Event, Stream

_log = structlog.get_logger("monynha.hub")
_AT_ONCE = 200
"""How many events go out before the listener is asked whether it can take more."""
_MOST_WAITING = 20_000


class Outlet(Protocol):
    """Where what a listener hears goes out."""

    @property
    def is_full(self) -> bool:
        """Whether more should wait."""

    async def drained(self) -> None:
        """Return once it can take more; who takes nothing for long is cut off meanwhile."""

    def cut_off(self) -> None:
        """End, since the other side reads too slowly."""


class Listener(Protocol):
    """Somebody who hears streams. Its methods return at once."""

    @property
    def outlet(self) -> Outlet | None:
        """Where what it hears goes out; without one it takes everything at once."""

    @property
    def actor(self) -> Actor:
        """Who is listening."""

    def hear(self, event: Event) -> None:
        """Take an event."""

    def lose(self, stream: Stream) -> None:
        """Take notice that nothing more of this stream will be heard."""

    def end(self) -> None:
        """Take notice that the session is over, and with it all that is heard."""


@dataclass(eq=False)
class Seat:
    """A listener's place at a stream: closed until `open` is called, so that an answer can go out first."""

    listener: Listener
    version: int
    is_complete: bool = True
    """Whether all that was missed is there; else the listener should ask again for what it shows."""
    is_lost: bool = False
    is_left: bool = False
    waiting: list[Event] | None = field(default_factory=list)
    _handing_out: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Hand out what was missed and came meanwhile, and from now on everything as it comes."""
        waiting = self.waiting or []
        if len(waiting) > _AT_ONCE and self.listener.outlet is not None:
            self._hand_out(self.listener.outlet)
            return
        self.waiting = None
        self._say(waiting)

    def take(self, event: Event) -> None:
        """Take an event of the stream."""
        if event.version <= self.version:
            return
        outlet = self.listener.outlet
        if self.waiting is None:
            if outlet is None or not outlet.is_full:
                self.listener.hear(event)
                return
            self.waiting = []
            self._hand_out(outlet)
        self.waiting.append(event)
        if outlet is not None and len(self.waiting) > _MOST_WAITING:
            outlet.cut_off()

    def _say(self, events: list[Event]) -> None:
        for event in events:
            if self.is_left:
                return
            try:
                self.listener.hear(event)
            except Exception as error:
                # One event's fault is not the loss of all that follow.
                _log.error("a listener failed", err={"type": type(error).__name__, "message": str(error)})

    def leave(self) -> None:
        """Hand out nothing more."""
        self.is_left = True
        if self._handing_out is not None:
            self._handing_out.cancel()

    def _hand_out(self, outlet: Outlet) -> None:
        self._handing_out = asyncio.get_running_loop().create_task(self._while_it_takes(outlet))

    async def _while_it_takes(self, outlet: Outlet) -> None:
        while True:
            await outlet.drained()
            assert self.waiting is not None
            some, self.waiting = self.waiting[:_AT_ONCE], self.waiting[_AT_ONCE:]
            self._say(some)
            if not self.waiting:
                break
        self.waiting = self._handing_out = None
