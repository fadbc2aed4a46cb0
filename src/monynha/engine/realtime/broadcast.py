"""Rooms for messages that are not stored: a message reaches the members of its room in every process."""

from __future__ import annotations

from collections.abc import Callable
from secrets import token_hex
from typing import Protocol

from monynha.engine.realtime.event_log import Stream

Publish = Callable[[bytes], None]


class RoomMember(Protocol):
    """A member of rooms. Its method returns at once."""

    def on_broadcast(self, room: str, message: bytes) -> None:
        """Receive a message that another member published in the room."""


class Broadcaster:
    """The rooms of this process; messages also go to the other processes through `publish`."""

    def __init__(self, publish: Publish) -> None:
        self._publish_to_processes = publish
        self._process_id = token_hex(8).encode()
        self._members: dict[str, dict[RoomMember, None]] = {}

    def join(self, room: str, member: RoomMember) -> None:
        """Make the member receive what is published in the room."""
        self._members.setdefault(room, {})[member] = None

    def leave(self, room: str, member: RoomMember) -> None:
        """Remove a member from the room, if it is one."""
        members = self._members.get(room, {})
        members.pop(member, None)
        if not members:
            self._members.pop(room, None)

    def publish(self, room: str, message: bytes, *, sender: RoomMember | None = None) -> None:
        """Send a message to all members of the room but its sender, here and in other processes."""
        self._deliver(room, message, sender)
        self._publish_to_processes(b"\n".join((self._process_id, room.encode(), message)))

    def on_published(self, published: bytes) -> None:
        """Deliver a message that another process published."""
        process_id, room, message = published.split(b"\n", 2)
        if process_id != self._process_id:
            self._deliver(room.decode(), message, None)

    def _deliver(self, room: str, message: bytes, sender: RoomMember | None) -> None:
        for member in list(self._members.get(room, ())):
            if member is not sender:
                member.on_broadcast(room, message)


def stream_room(stream: Stream) -> str:
    """Return the room in which the subscribers of a stream exchange ephemeral events."""
    return f"stream:{stream.kind}:{stream.id}"
