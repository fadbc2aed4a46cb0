"""Bodies that stream through a connection: no faster than they are taken or read, and never taken for whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest

from monynha.protocols.http.application import HttpApplication
from monynha.protocols.http.cors import CorsPolicy
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Route, RouteGroup, Router
from monynha.protocols.http.server.unsent_bytes import UnsentBytes
from tests.conditions import wait_until
from tests.live_server import serve
from tests.protocols.http.server.raw_client import application_of, read_response

pytestmark = pytest.mark.anyio

CHUNK = b"x" * 65_536
UPLOAD = b"POST /upload HTTP/1.1\r\nHost: x\r\n"


class Streams:
    """Handlers that take and send bodies chunk by chunk."""

    def __init__(self) -> None:
        self.taken_bytes = self.sent_chunks = self.closed_streams = 0
        self.may_take = asyncio.Event()
        self.may_take.set()

    async def upload(self, request: Request) -> Response:
        """Take a body, as fast as `may_take` allows."""
        async for chunk in request.stream():
            self.taken_bytes += len(chunk)
            await self.may_take.wait()
        return Response(200, b"%d" % self.taken_bytes)

    async def refuse(self, request: Request) -> Response:
        """Refuse a body without reading it, but for what lets the client read the answer."""
        await request.discard_body()
        return Response(200, b"refused")

    async def download(self, request: Request) -> Response:
        """Send 64 MB, or fewer than declared."""
        declared, sent = (int(number) for number in request.path_params["sizes"].split("-"))
        return Response(200, b"", stream=self._chunks(sent), content_length=declared * len(CHUNK))

    async def _chunks(self, count: int) -> AsyncGenerator[bytes]:
        try:
            for _ in range(count):
                self.sent_chunks += 1
                yield CHUNK
        finally:
            self.closed_streams += 1


@asynccontextmanager
async def connect(
    streams: Streams, unsent_bytes: UnsentBytes | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Serve the handlers, and yield a connection to them."""
    routes = (
        Route("POST", "/upload", streams.upload),
        Route("POST", "/refuse", streams.refuse),
        Route("GET", "/download/{sizes}", streams.download),
    )
    application = HttpApplication(Router([RouteGroup("", routes)]), CorsPolicy(), logs_requests=False)
    async with serve(application_of(application), unsent_bytes) as address:
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            yield reader, writer
        finally:
            writer.close()


async def test_body_waits_in_the_client_until_it_is_taken() -> None:
    streams = Streams()
    streams.may_take.clear()
    async with connect(streams) as (reader, writer):
        writer.write(UPLOAD + b"Content-Length: %d\r\n\r\n" % (500 * len(CHUNK)))
        sending = asyncio.create_task(_send(writer, 500))
        await wait_until(lambda: streams.taken_bytes > 0)
        await asyncio.sleep(0.3)
        is_sent, taken_bytes = sending.done(), streams.taken_bytes
        streams.may_take.set()
        head, body = await read_response(reader)
        await sending

    assert (is_sent, taken_bytes < 1_000_000) == (False, True)
    assert (head.split(b"\r\n")[0], body) == (b"http/1.1 200 ok", b"%d" % (500 * len(CHUNK)))


async def _send(writer: asyncio.StreamWriter, chunks: int) -> None:
    for _ in range(chunks):
        writer.write(CHUNK)
        await writer.drain()


async def test_chunked_body_streams_too_and_the_connection_is_kept() -> None:
    streams = Streams()
    async with connect(streams) as (reader, writer):
        for _ in range(2):
            writer.write(UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n")
            for _ in range(3):
                writer.write(b"%x\r\n%b\r\n" % (len(CHUNK), CHUNK))
            writer.write(b"0\r\n\r\n")
            _, body = await read_response(reader)

    assert body == b"%d" % (6 * len(CHUNK))


async def test_client_that_waits_for_100_continue_gets_it_when_the_body_is_wanted() -> None:
    async with connect(Streams()) as (reader, writer):
        writer.write(UPLOAD + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        interim = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"ok")
        _, body = await read_response(reader)
        writer.write(b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\nExpect: 100-continue\r\n\r\n")
        head, refusal = await read_response(reader)

    assert (interim, body) == (b"HTTP/1.1 100 Continue\r\n\r\n", b"2")
    # The body was not wanted, so the client is not asked for it.
    assert (head.split(b"\r\n")[0], refusal) == (b"http/1.1 200 ok", b"refused")


async def test_refused_body_is_read_so_that_its_client_sees_the_answer() -> None:
    async with connect(Streams()) as (reader, writer):
        writer.write(b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (100 * len(CHUNK)))
        await _send(writer, 100)
        _, body = await read_response(reader)

    assert body == b"refused"


async def test_client_that_leaves_ends_the_upload() -> None:
    streams = Streams()
    async with connect(streams) as (_, writer):
        writer.write(UPLOAD + b"Content-Length: 1000000\r\n\r\n" + CHUNK)
        await wait_until(lambda: streams.taken_bytes > 0)

    assert streams.taken_bytes == len(CHUNK)


async def test_body_is_sent_no_faster_than_it_is_read() -> None:
    streams = Streams()
    async with connect(streams) as (reader, writer):
        writer.write(b"GET /download/1000-1000 HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.5)
        sent_chunks = streams.sent_chunks
        _, body = await read_response(reader)

    assert sent_chunks < 500
    assert len(body) == 1000 * len(CHUNK)


async def test_reader_that_leaves_ends_the_stream() -> None:
    streams = Streams()
    async with connect(streams) as (reader, writer):
        writer.write(b"GET /download/1000-1000 HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readexactly(1000)
        writer.transport.abort()
        await wait_until(lambda: streams.closed_streams == 1)

    assert streams.sent_chunks < 1000


async def test_slow_readers_share_a_budget() -> None:
    streams, unsent_bytes = Streams(), UnsentBytes(100_000)
    async with connect(streams, unsent_bytes) as (reader, writer):
        writer.write(b"GET /download/1000-1000 HTTP/1.1\r\nHost: x\r\n\r\n")
        await wait_until(lambda: streams.closed_streams == 1)
        received = b""
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            received, _ = await read_response(reader)

    assert received == b""


async def test_body_that_ends_too_early_closes_the_connection() -> None:
    async with connect(Streams()) as (reader, writer):
        writer.write(b"GET /download/10-3 HTTP/1.1\r\nHost: x\r\n\r\n")
        received = await reader.read()

    assert len(received.partition(b"\r\n\r\n")[2]) == 3 * len(CHUNK)


async def test_head_of_a_stream_has_its_size_and_no_body() -> None:
    async with connect(Streams()) as (reader, writer):
        writer.write(b"HEAD /download/10-10 HTTP/1.1\r\nHost: x\r\n\r\nGET /download/1-1 HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        _, body = await read_response(reader)

    assert b"content-length: 655360\r\n" in head.lower()
    assert len(body) == len(CHUNK)


@pytest.mark.parametrize("declaration", [b"Content-Length: 1000000000", b"Transfer-Encoding: chunked"])
async def test_gigantic_declaration_gives_a_silent_client_no_more_time(
    monkeypatch: pytest.MonkeyPatch, declaration: bytes
) -> None:
    monkeypatch.setattr("monynha.protocols.http.server.connection.BODY_TIMEOUT_S", 0.3)
    monkeypatch.setattr("monynha.protocols.http.server.connection.BODY_MIN_BYTES_PER_S", 10_000_000)
    async with connect(Streams()) as (reader, writer):
        writer.write(UPLOAD + declaration + b"\r\n\r\n1\r\nx\r\n")
        response = await asyncio.wait_for(reader.read(), 20)

    assert response.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
