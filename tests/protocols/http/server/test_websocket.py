"""WebSocket connections: handshake, messages, pings, closing, backpressure (RFC 6455)."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from itertools import pairwise

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from monynha.protocols.http.request import Receive, Send
from monynha.protocols.http.server import websocket as module
from monynha.protocols.http.server.connection import HttpConnection
from monynha.protocols.http.server.websocket import WebSocket, WebSocketScope
from monynha.protocols.http.server.ws_frames import BINARY, CLOSE, PING, PONG, encode_frame
from tests.conditions import TIMEOUT_S
from tests.live_server import serve
from tests.protocols.http.server.raw_client import application_of
from tests.protocols.http.server.test_ws_frames import client_frame

pytestmark = pytest.mark.anyio

WebSocketHandler = Callable[[WebSocket], Awaitable[None]]
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


@asynccontextmanager
async def server_of(handler: WebSocketHandler) -> AsyncIterator[str]:
    """Serve a WebSocket handler, and yield host and port."""

    async def application(scope: WebSocketScope, receive: Receive, send: Send) -> None:
        await handler(scope["websocket"])

    async with serve(application_of(application)) as address:
        yield address


@asynccontextmanager
async def client_of(handler: WebSocketHandler) -> AsyncIterator[ClientConnection]:
    """Serve a WebSocket handler, and yield a client of it."""
    async with server_of(handler) as address, asyncio.timeout(TIMEOUT_S), connect(f"ws://{address}/path?x=1") as client:
        yield client


async def closed(client: ClientConnection) -> tuple[int | None, str | None]:
    """Return the code and reason with which the server closes."""
    with suppress(ConnectionClosed):
        async for _ in client:  # a client that does not read sees no close frame
            pass
    return client.close_code, client.close_reason


async def echo(websocket: WebSocket) -> None:
    """Send every message back."""
    websocket.accept()
    websocket.mark_authenticated()
    while (message := await websocket.receive()) is not None:
        if isinstance(message, str):
            websocket.send_text(message.encode())
        else:
            websocket.send_frame(encode_frame(message, BINARY))


async def test_text_and_binary_messages_are_exchanged() -> None:
    async with client_of(echo) as client:
        for message in ("ä", b"\x00\xff", "x" * 100_000, ""):
            await client.send(message)
            assert await client.recv() == message
        pong = await client.ping()
        await pong


async def test_the_scope_is_that_of_the_handshake() -> None:
    async def handle(websocket: WebSocket) -> None:
        scope = websocket.scope
        assert scope["client"] is not None
        websocket.accept()
        text = f"{scope['path']} {scope['query_string'].decode()} {scope['client'][0]}"
        websocket.send_text(text.encode())

    async with client_of(handle) as client:
        assert await client.recv() == "/path x=1 127.0.0.1"
        assert await closed(client) == (1000, "")


async def test_a_subprotocol_is_accepted() -> None:
    async def handle(websocket: WebSocket) -> None:
        websocket.accept("second")

    async with server_of(handle) as address, connect(f"ws://{address}/", subprotocols=["first", "second"]) as client:  # type: ignore[list-item]  # a NewType of str
        assert client.subprotocol == "second"


async def test_a_handshake_is_rejected_with_an_http_response() -> None:
    async def handle(websocket: WebSocket) -> None:
        if websocket.scope["path"] == "/closed":
            websocket.close(1008, "not here")
        else:
            websocket.reject(404, b"{}")

    async with server_of(handle) as address:
        for path, status, body in (("/closed", 403, b'{"error":"not here"}'), ("/other", 404, b"{}")):
            with pytest.raises(InvalidStatus) as raised:
                await connect(f"ws://{address}{path}")
            assert (raised.value.response.status_code, raised.value.response.body) == (status, body)


@pytest.mark.parametrize("header", ["Sec-WebSocket-Version: 8", "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x"])
async def test_a_malformed_handshake_is_a_400(header: str) -> None:
    async with server_of(echo) as address:
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        request = f"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{header}\r\n\r\n"
        writer.write(request.encode())
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        writer.close()


async def test_a_failing_handler_closes_without_details() -> None:
    async def handle(websocket: WebSocket) -> None:
        websocket.accept()
        raise RuntimeError("a secret")

    async with client_of(handle) as client:
        assert await closed(client) == (1011, "internal server error")


async def test_the_handler_is_told_that_the_client_closed() -> None:
    received: asyncio.Queue[str | bytes | None] = asyncio.Queue()

    async def handle(websocket: WebSocket) -> None:
        websocket.accept()
        received.put_nowait(await websocket.receive())

    async with client_of(handle) as client:
        await client.close(4000, "done")
        assert await received.get() is None
        assert client.close_code == 4000


@pytest.mark.parametrize(
    ("data", "code"),
    [(client_frame(b"\xff"), 1007), (encode_frame(b"unmasked"), 1002), (client_frame(b"x" * 1_000_001), 1009)],
    ids=["not UTF-8", "unmasked", "too long"],
)
async def test_a_violation_of_the_protocol_closes(data: bytes, code: int) -> None:
    async with client_of(echo) as client:
        client.transport.write(data)
        assert (await closed(client))[0] == code


async def test_a_shutdown_closes_every_websocket() -> None:
    async with server_of(echo) as address:
        client = await connect(f"ws://{address}/")

    assert await closed(client) == (1001, "server is shutting down")


async def test_a_client_that_does_not_answer_pings_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PING_INTERVAL_S", 1.0)
    has_ended = asyncio.Event()

    async def echo_until_the_end(websocket: WebSocket) -> None:
        await echo(websocket)
        has_ended.set()

    async with client_of(echo_until_the_end) as client:
        await asyncio.sleep(2.2)  # two pings, which it answers
        await client.send("alive: the client answers pings")
        assert await client.recv() == "alive: the client answers pings"
        client.transport.pause_reading()
        await has_ended.wait()
        client.transport.resume_reading()
        assert (await closed(client))[0] == 1006


async def test_a_client_that_sends_faster_than_it_is_handled_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    may_read = asyncio.Event()

    async def handle(websocket: WebSocket) -> None:
        websocket.accept()
        websocket.mark_authenticated()
        await may_read.wait()
        for _ in range(500):
            message = await websocket.receive()
            assert isinstance(message, str)
            websocket.send_text(message.encode())

    async with client_of(handle) as client:
        for number in range(500):
            client.transport.write(client_frame(b"%d" % number))
        await asyncio.sleep(0.1)  # some of the messages arrive before the handler takes any
        may_read.set()
        assert [await client.recv() for _ in range(500)] == [str(number) for number in range(500)]


@pytest.mark.parametrize("waits", [True, False], ids=["sender waits", "sender floods"])
async def test_a_client_that_reads_too_slowly_is_disconnected(monkeypatch: pytest.MonkeyPatch, waits: bool) -> None:
    monkeypatch.setattr(module, "_DRAIN_TIMEOUT_S", 0.1)
    is_closed = asyncio.Event()

    async def handle(websocket: WebSocket) -> None:
        websocket.accept()
        while not websocket.is_closed:
            websocket.send_text(b"x" * 100_000)
            if waits:
                await websocket.drain()
            await asyncio.sleep(0)
        is_closed.set()

    async with client_of(handle) as client:
        client.transport.pause_reading()
        await is_closed.wait()
        client.transport.abort()


async def echo_unauthenticated(websocket: WebSocket) -> None:
    """Send every message back, to a peer that never authenticates."""
    websocket.accept()
    while (message := await websocket.receive()) is not None:
        assert isinstance(message, str)
        websocket.send_text(message.encode())


@pytest.mark.parametrize(
    "data",
    [
        client_frame(b"x" * 16_385),
        client_frame(b"x") * 100,
        client_frame(b"", PING) * 51,
        client_frame(b"x", is_final=False) + client_frame(b"", 0, is_final=False) * 50,
    ],
    ids=["long message", "messages", "pings", "fragments"],
)
async def test_an_unauthenticated_peer_that_sends_too_much_is_closed(data: bytes) -> None:
    async with client_of(echo_unauthenticated) as client:
        client.transport.write(data)
        assert (await closed(client))[0] == 1008


async def test_an_unauthenticated_peer_may_send_a_little() -> None:
    async with client_of(echo_unauthenticated) as client:
        client.transport.write(client_frame(b"x" * 16_384) + client_frame(b"", PING) * 20 + client_frame(b"y") * 20)
        assert [await client.recv() for _ in range(21)] == ["x" * 16_384, *["y"] * 20]


async def test_messages_behind_the_one_that_authenticates_are_within_the_later_limits() -> None:
    async def handle(websocket: WebSocket) -> None:
        websocket.accept()
        assert await websocket.receive() == "token"
        await asyncio.sleep(0.1)  # the other messages arrive meanwhile, or later
        websocket.mark_authenticated()
        while (message := await websocket.receive()) is not None:
            websocket.send_text(b"%d" % len(message))

    async with client_of(handle) as client:
        client.transport.write(client_frame(b"token") + client_frame(b"x" * 100_000) + client_frame(b"y") * 100)
        assert [await client.recv() for _ in range(101)] == ["100000", *["1"] * 100]


async def test_only_the_latest_ping_of_many_is_answered() -> None:
    async with server_of(echo) as address:
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(HANDSHAKE)
        await reader.readuntil(b"\r\n\r\n")
        pings = b"".join(client_frame(b"%d" % number, PING) for number in range(60))
        writer.write(pings + client_frame(b"end"))
        answer = await asyncio.wait_for(reader.readuntil(encode_frame(b"end")), 10)
        writer.close()

    assert answer == encode_frame(b"59", PONG) + encode_frame(b"end")


async def test_a_flood_of_messages_lets_other_tasks_run_in_between() -> None:
    handled: list[str] = []

    async def handle(websocket: WebSocket) -> None:
        websocket.accept()
        websocket.mark_authenticated()
        while (message := await websocket.receive()) is not None:
            assert isinstance(message, str)
            handled.append(message)

    async with client_of(handle) as client:
        client.transport.write(client_frame(b"x") * 200)
        counts = []
        while len(handled) < 200:
            counts.append(len(handled))
            await asyncio.sleep(0)

    assert max(after - before for before, after in pairwise([*counts, 200])) == 1


@pytest.mark.parametrize("opening", [encode_frame(b"unmasked"), client_frame(b"x" * 1_000_001)[:14]])
async def test_bytes_after_a_violation_are_dropped_unread(opening: bytes) -> None:
    sockets: list[WebSocket] = []

    async def handle(websocket: WebSocket) -> None:
        sockets.append(websocket)
        await echo(websocket)

    async with server_of(handle) as address:
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(HANDSHAKE)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(opening)
        writer.transport.set_write_buffer_limits(0)
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(10):
                while not sockets[0].is_closed or writer.transport.get_write_buffer_size() < 1_000_000:
                    writer.write(b"x" * 100_000)
                    await asyncio.sleep(0)
        assert sockets[0]._parser is None
        writer.transport.abort()


@pytest.mark.parametrize("code", [1015, 1016])
async def test_an_invalid_close_code_is_a_violation(code: int) -> None:
    async with client_of(echo) as client:
        client.transport.write(client_frame(code.to_bytes(2, "big"), CLOSE))
        assert (await closed(client))[0] == 1002


def open_connections() -> set[int]:
    """Return the ids of the objects of connections that exist."""
    return {id(value) for value in gc.get_objects() if isinstance(value, WebSocket | HttpConnection)}


async def test_closed_connections_are_freed_without_the_garbage_collector() -> None:
    gc.collect()
    gc.disable()
    before = open_connections()
    try:
        async with server_of(echo) as address:
            for data in (
                client_frame(b"x"),
                client_frame(b"\xff"),
                encode_frame(b"unmasked"),
                client_frame(b"", CLOSE),
            ):
                async with connect(f"ws://{address}/") as client:
                    client.transport.write(data)
            async with asyncio.timeout(10):
                while open_connections() - before:
                    await asyncio.sleep(0.05)
    finally:
        gc.enable()
