"""What stands on the wire: answers without a body have none, and who sends too much hears so."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator

import pytest

from monynha.app.asgi import Program
from monynha.app.edge import answer
from monynha.protocols.http.connection import HEAD_BYTES, HEADERS
from tests.people import Person

pytestmark = pytest.mark.anyio


@pytest.fixture
async def port(program: Program) -> AsyncIterator[int]:
    """Return the port at which the program answers over real sockets."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop, ready = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(answer(program, listener, stop, ready.set))
    await ready.wait()
    yield listener.getsockname()[1]
    stop.set()
    await serving


async def talk(port: int, sent: bytes) -> bytes:
    """Return all that is answered to some bytes, until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    async with asyncio.timeout(5):
        received = await reader.read()
    writer.close()
    await writer.wait_closed()
    return received


def request(person: Person, line: str, body: bytes = b"", *headers: str) -> bytes:
    """Return a request as it stands on the wire."""
    lines = [f"{line} HTTP/1.1", "Host: x", f"Authorization: Bearer {person.token}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def parts(received: bytes) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """Return the status line, the headers and all that follows."""
    head, _, body = received.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    return status, dict(line.lower().split(b": ", 1) for line in lines), body


LAST = "Connection: close"


async def test_answers_without_a_body_have_none(ada: Person, port: int) -> None:
    project = await ada.project()
    path = f"/api/v1/projects/{project['id']}"
    tag = (await ada.get(f"/projects/{project['id']}")).headers["etag"]

    for line, status, header in (
        (f"HEAD {path}", b"200 OK", ""),
        (f"GET {path}", b"304 Not Modified", f"If-None-Match: {tag}"),
        (f"OPTIONS {path}", b"204 No Content", ""),
        (f"DELETE {path}", b"204 No Content", ""),
    ):
        received = await talk(port, request(ada, line, b"", LAST, *([header] if header else [])))
        told, headers, body = parts(received)
        assert status in told
        assert b"" == body
        assert b"transfer-encoding" not in headers
        assert (b"content-length" in headers) == line.startswith("HEAD")


async def test_two_requests_share_a_connection(ada: Person, port: int) -> None:
    first = request(ada, "GET /api/v1/users/me")
    last = request(ada, "GET /api/v1/users/me", b"", LAST)

    received = await talk(port, first + last)

    assert 2 == received.count(b"HTTP/1.1 200 OK")
    assert 2 == received.count(str(ada.id).encode())


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_body_that_is_too_large_is_refused_on_the_wire(
    ada: Person, port: int, is_chunked: bool
) -> None:
    body = b" " * 1_500_000
    size = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {len(body)}"
    sent = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if is_chunked else body

    received = await talk(
        port, request(ada, "POST /api/v1/projects", sent, LAST, size, "Content-Type: application/json")
    )

    status, _, told = parts(received)
    assert b"413" in status
    assert b"PAYLOAD_TOO_LARGE" in told


async def test_a_client_that_leaves_half_way_writes_nothing(ada: Person, port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        request(
            ada, "POST /api/v1/projects", b'{"name":', "Content-Length: 100", "Content-Type: application/json"
        )
    )
    await writer.drain()
    writer.close()
    await writer.wait_closed()

    assert [] == (await ada.get("/projects")).json()["data"]
    assert b"200 OK" in await talk(port, request(ada, "GET /api/v1/users/me", b"", LAST))
    assert b"" == await reader.read()


@pytest.mark.parametrize(
    "path", ["/api/v1/tasks/%00", "/api/v1/tasks/%ff%fe", "/api/v1/%2e%2e/users", "/api/v1/tasks?q=%zz&x"]
)
async def test_an_odd_address_is_an_answer_in_the_envelope(ada: Person, port: int, path: str) -> None:
    status, headers, body = parts(await talk(port, request(ada, f"GET {path}", b"", LAST)))

    assert b" 40" in status
    assert b"application/json" == headers[b"content-type"]
    assert b'"success":false' in body


UNREADABLE = [
    b"GARBAGE\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nx y: z\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
    b"GET /healthz\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nX: y\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: x/y@z\r\n\r\n",
    b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"GET http:// HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /\xc3\xa4 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /api/v1/users HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nrubbish\r\n",
]


def refused_with(received: bytes) -> tuple[bytes, str]:
    """Return the status line and the code of an answer that is whole, in the envelope, and the last."""
    status, headers, body = parts(received)
    told = json.loads(body)
    assert {
        "success": False,
        "error": {**told["error"], "requestId": headers[b"x-request-id"].decode()},
    } == told
    assert (b"application/json", b"close") == (headers[b"content-type"], headers[b"connection"])
    assert len(body) == int(headers[b"content-length"])
    assert b"date" in headers
    return status, told["error"]["code"]


@pytest.mark.parametrize("sent", UNREADABLE, ids=range(len(UNREADABLE)))
async def test_what_cannot_be_read_is_refused_in_the_envelope(port: int, sent: bytes) -> None:
    assert (b"HTTP/1.1 400 Bad Request", "BAD_REQUEST") == refused_with(await talk(port, sent))


async def test_an_old_client_names_no_host(port: int) -> None:
    status, headers, _ = parts(await talk(port, b"GET /healthz HTTP/1.0\r\n\r\n"))

    assert (b"HTTP/1.1 200 OK", b"close") == (status, headers[b"connection"])


async def test_more_headers_than_anybody_needs_are_refused(ada: Person, port: int) -> None:
    def asking(count: int) -> bytes:
        sent = request(ada, "GET /api/v1/users/me", b"", LAST, *(["X-More: x"] * count))
        assert sent.count(b"\r\n") == count + 5
        return sent

    most, over = await talk(port, asking(HEADERS - 3)), await talk(port, asking(HEADERS - 2))

    assert b"HTTP/1.1 200 OK" == parts(most)[0]
    assert (b"HTTP/1.1 431 Request Header Fields Too Large", "HEADERS_TOO_LARGE") == refused_with(over)


@pytest.mark.parametrize("start", [b"GET /", b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: "])
async def test_a_head_without_an_end_is_refused_before_it_fills_the_memory(port: int, start: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(start)
    taken = 0
    try:
        async with asyncio.timeout(10):
            while not reader.at_eof() and taken < 100_000_000:
                writer.write(b"x" * 10_000)
                await writer.drain()
                taken += 10_000
    except ConnectionError:
        pass  # it is not read on
    finally:
        writer.close()

    assert 50_000 < taken < 10_000_000


async def test_a_long_address_and_long_headers_are_taken(ada: Person, port: int) -> None:
    query = "q=" + "x" * 200
    sent = request(ada, f"GET /api/v1/projects?{query}", b"", LAST, f"X-Long: {'x' * 30_000}")

    assert b"HTTP/1.1 200 OK" == parts(await talk(port, sent))[0]


async def test_a_head_is_measured_alone_however_it_comes(ada: Person, port: int) -> None:
    asking = request(ada, "GET /api/v1/users/me", b"", f"X-Long: {'x' * 40_000}")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(3):
        for start in range(0, len(asking), 10_000):
            writer.write(asking[start : start + 10_000])
            await asyncio.sleep(0.02)
        assert b"HTTP/1.1 200 OK" in await reader.readuntil(b"\r\n\r\n")
    writer.close()


async def test_a_head_that_is_too_large_is_told_so(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nX-Long: ")
    await asyncio.sleep(0.1)  # the read in which a head begins is not measured
    writer.write(b"x" * (HEAD_BYTES + 1))
    async with asyncio.timeout(5):
        received = await reader.read()
    writer.close()

    assert (b"HTTP/1.1 431 Request Header Fields Too Large", "HEADERS_TOO_LARGE") == refused_with(received)
