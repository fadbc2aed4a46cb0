"""The bytes that one event causes on a connection."""

from __future__ import annotations

from monynha.protocols.realtime.event_bytes import EventBytes


def test_messages_of_one_event_share_the_bytes() -> None:
    event_bytes = EventBytes(100)

    results = [event_bytes.try_count(key, size) for key, size in (("a", 60), ("b", 60), ("a", 41), ("a", 40), ("a", 1))]

    assert results == [True, True, False, True, False]


def test_only_the_latest_events_are_remembered() -> None:
    event_bytes = EventBytes(100)
    event_bytes.try_count("first", 100)
    for number in range(64):
        event_bytes.try_count(number, 1)

    assert event_bytes.try_count("first", 1)
