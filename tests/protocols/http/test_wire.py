"""What stands on the wire: answers without a body have none, and who sends too much hears so."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from monynha.app.asgi import Program
from monynha.app.edge import answer
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
