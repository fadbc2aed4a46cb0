"""One request and its response: scopes, heads, and ASGI's `receive` and `send`."""

from __future__ import annotations

import asyncio

import pytest

from monynha.protocols.http.server.request_cycle import RequestCycle, build_scope, encode_head

pytestmark = pytest.mark.anyio


class RecordingConnection:
    """A connection that keeps what is written to it."""

    default_header_lines = b"date: now\r\n"

    def __init__(self) -> None:
        self.is_disconnected = False
        self.is_shutting_down = False
        self.written = b""
        self.finished: list[RequestCycle] = []

    def write(self, data: bytes | bytearray) -> None:
        """Keep the bytes."""
        self.written += data

    async def drain(self) -> None:
        """Return: its client reads at once."""

    def update_reading(self) -> None:
        """Do nothing: it reads nothing."""

    def on_cycle_finished(self, cycle: RequestCycle) -> None:
        """Keep the cycle."""
        self.finished.append(cycle)


def new_cycle(
    connection: RecordingConnection,
    *,
    method: str = "GET",
    version: str = "1.1",
    keep_alive: bool = True,
    expects_continue: bool = False,
) -> RequestCycle:
    """Return the cycle of a new request."""
    scope = build_scope(method, b"/", version, headers=[], client=None)
    return RequestCycle(connection, scope, keep_alive=keep_alive, expects_continue=expects_continue)


@pytest.mark.parametrize(
    ("url", "path", "raw_path", "query_string"),
    [
        (b"/users", "/users", b"/users", b""),
        (b"/a%20b/%C3%A4?x=%20&y", "/a b/ä", b"/a%20b/%C3%A4", b"x=%20&y"),
        (b"/?", "/", b"/", b""),
        (b"/a?b?c", "/a", b"/a", b"b?c"),
        (b"http://example.com/users?x=1", "/users", b"/users", b"x=1"),
        (b"http://example.com", "/", b"/", b""),
        (b"/users#top", "/users", b"/users", b""),
    ],
)
def test_a_scope_has_path_and_query_of_the_target(url: bytes, path: str, raw_path: bytes, query_string: bytes) -> None:
    scope = build_scope("GET", url, "1.1", headers=[], client=("192.0.2.1", 1234))

    assert (scope["path"], scope["raw_path"], scope["query_string"]) == (path, raw_path, query_string)


def test_a_header_with_a_line_break_is_rejected() -> None:
    assert encode_head(200, ((b"x", b"y"),), date=b"") == b"HTTP/1.1 200 OK\r\nx: y\r\n\r\n"
    with pytest.raises(ValueError, match="line break"):
        encode_head(200, ((b"x", b"y\r\nset-cookie: z"),), date=b"")


@pytest.mark.parametrize(("keep_alive", "is_shutting_down"), [(True, False), (False, False), (True, True)])
async def test_a_response_says_whether_the_connection_closes(keep_alive: bool, is_shutting_down: bool) -> None:
    connection = RecordingConnection()
    connection.is_shutting_down = is_shutting_down
    cycle = new_cycle(connection, keep_alive=keep_alive)

    cycle.send_complete(200, ((b"content-length", b"2"),), b"ok")

    closes = not keep_alive or is_shutting_down
    close_line = b"connection: close\r\n" if closes else b""
    assert connection.written == b"HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 2\r\n" + close_line + b"\r\nok"
    assert (connection.finished, cycle.keep_alive) == ([cycle], not closes)


async def test_the_body_is_received_in_the_chunks_that_arrive() -> None:
    cycle = new_cycle(RecordingConnection())
    cycle.feed_body(b"one")
    first = await cycle.receive()
    waiting = asyncio.create_task(cycle.receive())
    await asyncio.sleep(0)
    assert cycle.is_waiting_for_body
    cycle.feed_body(b"two")
    cycle.finish_body()

    assert first == {"type": "http.request", "body": b"one", "more_body": True}
    assert await waiting == {"type": "http.request", "body": b"two", "more_body": False}


async def test_the_handler_is_told_of_a_disconnect_and_of_its_own_response() -> None:
    connection = RecordingConnection()
    disconnected, answered = new_cycle(connection), new_cycle(connection)
    waiting = asyncio.create_task(disconnected.receive())
    await asyncio.sleep(0)
    answered.send_complete(204, (), b"")
    after_response = await answered.receive()
    connection.is_disconnected = True
    disconnected.notify_handler()

    assert after_response == {"type": "http.disconnect"}
    assert await waiting == {"type": "http.disconnect"}


async def test_a_client_that_expects_100_continue_gets_it_once_the_body_is_wanted() -> None:
    connection = RecordingConnection()
    cycle = new_cycle(connection, expects_continue=True)
    assert connection.written == b""

    waiting = asyncio.create_task(cycle.receive())
    await asyncio.sleep(0)

    assert connection.written == b"HTTP/1.1 100 Continue\r\n\r\n"
    cycle.finish_body()
    assert await waiting == {"type": "http.request", "body": b"", "more_body": False}


def test_a_full_body_buffer_is_reported() -> None:
    cycle = new_cycle(RecordingConnection())
    cycle.feed_body(b"x" * 65_536)
    assert not cycle.is_body_buffer_full

    cycle.feed_body(b"x")

    assert cycle.is_body_buffer_full


async def test_nothing_is_written_to_a_client_that_disconnected() -> None:
    connection = RecordingConnection()
    connection.is_disconnected = True
    cycle = new_cycle(connection)

    await cycle.send({"type": "http.response.start", "status": 200, "headers": ()})
    cycle.send_complete(200, (), b"")

    assert connection.written == b""
