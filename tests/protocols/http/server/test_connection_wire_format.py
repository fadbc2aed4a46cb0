"""Requests and responses as bytes: bodiless responses, malformed requests, limits of heads."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator

import pytest

from monynha.app.composition.application import Application
from monynha.app.serving.uvicorn_server import serve_http
from monynha.protocols.http.server.connection import HEAD_LIMIT_BYTES, MAX_HEADERS
from tests.users import ApiUser

pytestmark = pytest.mark.anyio


@pytest.fixture
async def port(program: Application) -> AsyncIterator[int]:
    """The TCP port of the program."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop_requested, ready = asyncio.Event(), asyncio.Event()
    server_task = asyncio.create_task(
        serve_http(program, listener, stop_requested, ready.set, max_unsent_bytes=256_000_000)
    )
    await ready.wait()
    yield listener.getsockname()[1]
    stop_requested.set()
    await server_task


async def exchange_bytes(port: int, sent: bytes) -> bytes:
    """Send bytes, and return all that is received until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    async with asyncio.timeout(5):
        received = await reader.read()
    writer.close()
    await writer.wait_closed()
    return received


def build_request(user: ApiUser, line: str, body: bytes = b"", *headers: str) -> bytes:
    """Return the bytes of a request."""
    lines = [f"{line} HTTP/1.1", "Host: x", f"Authorization: Bearer {user.token}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def split_response(received: bytes) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """Return the status line, the headers and the rest."""
    head, _, body = received.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    return status, dict(line.lower().split(b": ", 1) for line in lines), body


CLOSE_CONNECTION = "Connection: close"


async def test_bodiless_responses_have_no_body(user: ApiUser, port: int) -> None:
    project = await user.create_project()
    path = f"/api/v1/projects/{project['id']}"
    etag = (await user.get(f"/projects/{project['id']}")).headers["etag"]

    for line, status, header in (
        (f"HEAD {path}", b"200 OK", ""),
        (f"GET {path}", b"304 Not Modified", f"If-None-Match: {etag}"),
        (f"OPTIONS {path}", b"204 No Content", ""),
        (f"DELETE {path}", b"204 No Content", ""),
    ):
        received = await exchange_bytes(
            port, build_request(user, line, b"", CLOSE_CONNECTION, *([header] if header else []))
        )
        status_line, headers, body = split_response(received)
        assert status in status_line
        assert body == b""
        assert b"transfer-encoding" not in headers
        assert (b"content-length" in headers) == line.startswith("HEAD")


async def test_two_requests_share_a_connection(user: ApiUser, port: int) -> None:
    first = build_request(user, "GET /api/v1/users/me")
    last = build_request(user, "GET /api/v1/users/me", b"", CLOSE_CONNECTION)

    received = await exchange_bytes(port, first + last)

    assert received.count(b"HTTP/1.1 200 OK") == 2
    assert received.count(str(user.id).encode()) == 2


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_oversized_body_gets_a_complete_413(user: ApiUser, port: int, is_chunked: bool) -> None:
    body = b" " * 1_500_000
    size = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {len(body)}"
    sent = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if is_chunked else body

    received = await exchange_bytes(
        port,
        build_request(user, "POST /api/v1/projects", sent, CLOSE_CONNECTION, size, "Content-Type: application/json"),
    )

    status, _, response_body = split_response(received)
    assert b"413" in status
    assert b"PAYLOAD_TOO_LARGE" in response_body


async def test_interrupted_body_writes_nothing(user: ApiUser, port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        build_request(
            user,
            "POST /api/v1/projects",
            b'{"name":',
            "Content-Length: 100",
            "Content-Type: application/json",
        )
    )
    await writer.drain()
    writer.close()
    await writer.wait_closed()

    assert (await user.get("/projects")).json()["data"] == []
    assert b"200 OK" in await exchange_bytes(port, build_request(user, "GET /api/v1/users/me", b"", CLOSE_CONNECTION))
    assert await reader.read() == b""


@pytest.mark.parametrize(
    "path", ["/api/v1/tasks/%00", "/api/v1/tasks/%ff%fe", "/api/v1/%2e%2e/users", "/api/v1/tasks?q=%zz&x"]
)
async def test_undecodable_path_is_an_error_in_the_envelope(user: ApiUser, port: int, path: str) -> None:
    status, headers, body = split_response(
        await exchange_bytes(port, build_request(user, f"GET {path}", b"", CLOSE_CONNECTION))
    )

    assert b" 40" in status
    assert headers[b"content-type"] == b"application/json"
    assert b'"success":false' in body


MALFORMED_REQUESTS = [
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
    b"POST /api/v1/users HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\ngarbage\r\n",
]


def rejection_of(received: bytes) -> tuple[bytes, str]:
    """Return the status line and the error code of a complete response in the envelope that closes."""
    status, headers, body = split_response(received)
    error_body = json.loads(body)
    assert {
        "success": False,
        "error": {**error_body["error"], "requestId": headers[b"x-request-id"].decode()},
    } == error_body
    assert (headers[b"content-type"], headers[b"connection"]) == (b"application/json", b"close")
    assert len(body) == int(headers[b"content-length"])
    assert b"date" in headers
    return status, error_body["error"]["code"]


@pytest.mark.parametrize("sent", MALFORMED_REQUESTS, ids=range(len(MALFORMED_REQUESTS)))
async def test_malformed_request_is_rejected_in_the_envelope(port: int, sent: bytes) -> None:
    assert rejection_of(await exchange_bytes(port, sent)) == (b"HTTP/1.1 400 Bad Request", "BAD_REQUEST")


async def test_http_1_0_needs_no_host(port: int) -> None:
    status, headers, _ = split_response(await exchange_bytes(port, b"GET /healthz HTTP/1.0\r\n\r\n"))

    assert (status, headers[b"connection"]) == (b"HTTP/1.1 200 OK", b"close")


async def test_number_of_headers_is_limited(user: ApiUser, port: int) -> None:
    def request_with_headers(count: int) -> bytes:
        sent = build_request(user, "GET /api/v1/users/me", b"", CLOSE_CONNECTION, *(["X-More: x"] * count))
        assert sent.count(b"\r\n") == count + 5
        return sent

    at_limit, over_limit = (
        await exchange_bytes(port, request_with_headers(MAX_HEADERS - 3)),
        await exchange_bytes(port, request_with_headers(MAX_HEADERS - 2)),
    )

    assert split_response(at_limit)[0] == b"HTTP/1.1 200 OK"
    assert rejection_of(over_limit) == (b"HTTP/1.1 431 Request Header Fields Too Large", "HEADERS_TOO_LARGE")


@pytest.mark.parametrize("start", [b"GET /", b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: "])
async def test_endless_head_is_rejected_early(port: int, start: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(start)
    sent_bytes = 0
    try:
        async with asyncio.timeout(10):
            while not reader.at_eof() and sent_bytes < 100_000_000:
                writer.write(b"x" * 10_000)
                await writer.drain()
                sent_bytes += 10_000
    except ConnectionError:
        pass  # the server has closed
    finally:
        writer.close()

    assert 50_000 < sent_bytes < 10_000_000


async def test_long_urls_and_headers_are_accepted(user: ApiUser, port: int) -> None:
    query = "q=" + "x" * 200
    sent = build_request(user, f"GET /api/v1/projects?{query}", b"", CLOSE_CONNECTION, f"X-Long: {'x' * 30_000}")

    assert split_response(await exchange_bytes(port, sent))[0] == b"HTTP/1.1 200 OK"


async def test_head_limit_counts_one_head_only(user: ApiUser, port: int) -> None:
    request = build_request(user, "GET /api/v1/users/me", b"", f"X-Long: {'x' * 40_000}")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(3):
        for start in range(0, len(request), 10_000):
            writer.write(request[start : start + 10_000])
            await asyncio.sleep(0.02)
        assert b"HTTP/1.1 200 OK" in await reader.readuntil(b"\r\n\r\n")
    writer.close()


async def test_oversized_head_is_431(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nX-Long: ")
    await asyncio.sleep(0.1)  # the first read of a head is not counted
    writer.write(b"x" * (HEAD_LIMIT_BYTES + 1))
    async with asyncio.timeout(5):
        received = await reader.read()
    writer.close()

    assert rejection_of(received) == (b"HTTP/1.1 431 Request Header Fields Too Large", "HEADERS_TOO_LARGE")
