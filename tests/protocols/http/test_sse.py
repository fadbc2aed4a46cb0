"""Server-sent events: encoding, buffering, keep-alive comments, readers that are too slow."""

from __future__ import annotations

import asyncio

import pytest

from monynha.protocols.http import sse
from monynha.protocols.http.sse import SseStream, encode_event

pytestmark = pytest.mark.anyio

TOO_SLOW = encode_event(b"error", b"too slow")


async def read_all(stream: SseStream) -> list[bytes]:
    """Return the events of a stream until it ends."""
    return [event async for event in stream.events()]


def test_an_event_has_an_id_where_it_can_be_resumed_from() -> None:
    assert encode_event(b"task.updated", b"{}", 7) == b"id: 7\nevent: task.updated\ndata: {}\n\n"
    assert encode_event(b"removed") == b"event: removed\ndata: \n\n"


async def test_a_closed_stream_ends_after_what_is_buffered() -> None:
    open_streams: set[SseStream] = set()
    stream = SseStream(open_streams, TOO_SLOW)
    stream.send(b"1")
    stream.send(b"2")
    stream.close(b"last")
    stream.send(b"never sent")

    assert await read_all(stream) == [b"1", b"2", b"last"]
    assert open_streams == set()


async def test_a_stream_is_open_while_it_is_read() -> None:
    open_streams: set[SseStream] = set()
    stream = SseStream(open_streams, TOO_SLOW)
    events = stream.events()
    stream.send(b"1")

    assert await anext(events) == b"1"
    assert open_streams == {stream}
    await events.aclose()
    assert (open_streams, stream.is_closed) == (set(), True)


async def test_a_silent_stream_sends_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "_KEEP_ALIVE_INTERVAL_S", 0.01)
    events = SseStream(set(), TOO_SLOW).events()

    assert [await anext(events) for _ in range(2)] == [b": keep-alive\n\n"] * 2
    await events.aclose()


async def test_a_reader_that_exceeds_the_buffer_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "_MAX_BUFFERED_EVENTS", 3)
    stream = SseStream(set(), TOO_SLOW)
    for number in range(5):
        stream.send(b"%d" % number)

    assert await read_all(stream) == [b"0", b"1", b"2", TOO_SLOW]


async def test_a_single_event_may_be_longer_than_the_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "_MAX_BUFFERED_BYTES", 10)
    stream = SseStream(set(), TOO_SLOW)
    stream.send(b"x" * 100)
    assert stream.buffered_bytes() == 100

    stream.send(b"y")

    assert await read_all(stream) == [b"x" * 100, TOO_SLOW]
    assert stream.buffered_bytes() == 0


async def test_senders_wait_for_a_full_buffer_to_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "_FULL_BUFFERED_EVENTS", 2)
    stream = SseStream(set(), TOO_SLOW)
    stream.send(b"1")
    await stream.drain()  # not full: returns at once
    stream.send(b"2")
    draining = asyncio.create_task(stream.drain())
    await asyncio.sleep(0)
    assert (stream.is_full, draining.done()) == (True, False)

    events = stream.events()
    assert [await anext(events), await anext(events)] == [b"1", b"2"]
    reading = asyncio.ensure_future(anext(events))
    await asyncio.wait_for(draining, 1)

    assert (stream.is_full, stream.is_closed) == (False, False)
    stream.close()
    with pytest.raises(StopAsyncIteration):
        await reading


async def test_a_reader_that_does_not_read_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "_FULL_BUFFERED_EVENTS", 1)
    monkeypatch.setattr(sse, "_DRAIN_TIMEOUT_S", 0.01)
    stream = SseStream(set(), TOO_SLOW)
    stream.send(b"1")

    await stream.drain()

    assert await read_all(stream) == [b"1", TOO_SLOW]
