"""What is said and not kept: rooms in which everybody hears everybody, over all processes."""

from __future__ import annotations

from collections.abc import Callable
from secrets import token_hex
from typing import Protocol

from monynha.engine.realtime.event_log import Stream

Publish = Callable[[bytes], None]


class RoomMember(Protocol):
    """Somebody in a room."""

    def on_broadcast(self, room: str, message: bytes) -> None:
        """Take what was said there."""


class Broadcaster:
    """The rooms of this process; what is said in one is published to the other processes."""

    def __init__(self, publish: Publish) -> None:
        self._publish_to_processes = publish
        self._process_id = token_hex(8).encode()
        self._members: dict[str, dict[RoomMember, None]] = {}

    def join(self, room: str, member: RoomMember) -> None:
        """Hear what is said in the room."""
        self._members.setdefault(room, {})[member] = None

    def leave(self, room: str, member: RoomMember) -> None:
        """Hear no more of it."""
        members = self._members.get(room, {})
        members.pop(member, None)
        if not members:
            self._members.pop(room, None)

    def publish(self, room: str, message: bytes, *, sender: RoomMember | None = None) -> None:
        """Let all others in the room hear it, here and in other processes."""
        self._deliver(room, message, sender)
        self._publish_to_processes(b"\n".join((self._process_id, room.encode(), message)))

    def on_published(self, published: bytes) -> None:
        """Take what another process published."""
        process_id, room, message = published.split(b"\n", 2)
        if process_id != self._process_id:
            self._deliver(room.decode(), message, None)

    def _deliver(self, room: str, message: bytes, sender: RoomMember | None) -> None:
        for member in list(self._members.get(room, ())):
            if member is not sender:
                member.on_broadcast(room, message)


def stream_room(stream: Stream) -> str:
    """Return the room in which people of a stream show each other things."""
    return f"stream:{stream.kind}:{stream.id}"
