"""Who listens, and their places at the streams."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from monynha.core.actor import Actor
from monynha.engine.history import Event, Stream


class Listener(Protocol):
    """Somebody who hears streams. Its methods return at once."""

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
    waiting: list[Event] | None = field(default_factory=list)

    def open(self) -> None:
        """Hand out what was missed and came meanwhile, and from now on everything as it comes."""
        waiting, self.waiting = self.waiting or [], None
        for event in waiting:
            self.listener.hear(event)

    def take(self, event: Event) -> None:
        """Take an event of the stream."""
        if event.version <= self.version:
            return
        if self.waiting is None:
            self.listener.hear(event)
        else:
            self.waiting.append(event)
