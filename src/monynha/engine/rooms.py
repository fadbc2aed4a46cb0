"""What is said and not kept: rooms in which everybody hears everybody, over all processes."""

from __future__ import annotations

from collections.abc import Callable
from secrets import token_hex
from typing import Protocol

from monynha.engine.history import Stream

Publish = Callable[[bytes], None]


class Guest(Protocol):
    """Somebody in a room."""

    def overhear(self, room: str, said: bytes) -> None:
        """Take what was said there."""


class Rooms:
    """The rooms of this process; what is said in one is published to the other processes."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._me = token_hex(8).encode()
        self._guests: dict[str, dict[Guest, None]] = {}

    def enter(self, room: str, guest: Guest) -> None:
        """Hear what is said in the room."""
        self._guests.setdefault(room, {})[guest] = None

    def leave(self, room: str, guest: Guest) -> None:
        """Hear no more of it."""
        guests = self._guests.get(room, {})
        guests.pop(guest, None)
        if not guests:
            self._guests.pop(room, None)

    def say(self, room: str, said: bytes, *, by: Guest | None = None) -> None:
        """Let all others in the room hear it, here and in other processes."""
        self._spread(room, said, by)
        self._publish(b"\n".join((self._me, room.encode(), said)))

    def hear(self, published: bytes) -> None:
        """Take what another process published."""
        who, room, said = published.split(b"\n", 2)
        if who != self._me:
            self._spread(room.decode(), said, None)

    def _spread(self, room: str, said: bytes, by: Guest | None) -> None:
        for guest in list(self._guests.get(room, ())):
            if guest is not by:
                guest.overhear(room, said)


def room_of(stream: Stream) -> str:
    """Return the room in which people of a stream show each other things."""
    return f"stream:{stream.kind}:{stream.id}"
