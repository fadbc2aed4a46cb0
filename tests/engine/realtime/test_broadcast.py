"""Messages in rooms reach the other members, in the same process and in others."""

from __future__ import annotations

from uuid import UUID

from monynha.engine.realtime.broadcast import Broadcaster, stream_room
from monynha.engine.realtime.event_log import Stream


class Member:
    """A member that records what it receives."""

    def __init__(self) -> None:
        self.received: list[tuple[str, bytes]] = []

    def on_broadcast(self, room: str, message: bytes) -> None:
        self.received.append((room, message))


def test_message_reaches_the_other_members_of_its_room() -> None:
    broadcaster = Broadcaster(lambda published: None)
    sender, receiver, elsewhere = Member(), Member(), Member()
    broadcaster.join("room", sender)
    broadcaster.join("room", receiver)
    broadcaster.join("other", elsewhere)

    broadcaster.publish("room", b"hello", sender=sender)

    assert (sender.received, receiver.received, elsewhere.received) == ([], [("room", b"hello")], [])


def test_member_who_left_receives_nothing() -> None:
    broadcaster = Broadcaster(lambda published: None)
    member = Member()
    broadcaster.join("room", member)
    broadcaster.leave("room", member)

    broadcaster.publish("room", b"hello")

    assert member.received == []


def test_message_reaches_other_processes_once() -> None:
    published: list[bytes] = []
    here, there = Broadcaster(published.append), Broadcaster(lambda published: None)
    member_here, member_there = Member(), Member()
    here.join("room", member_here)
    there.join("room", member_there)

    here.publish("room", b"line\nfeed")
    for message in published:
        here.on_published(message)
        there.on_published(message)

    assert member_here.received == member_there.received == [("room", b"line\nfeed")]


def test_each_stream_has_a_room_of_its_own() -> None:
    assert stream_room(Stream("project", UUID(int=1))) == f"stream:project:{UUID(int=1)}"
