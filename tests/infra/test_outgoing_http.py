"""Requests that the program makes itself, to a server that behaves badly."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from monynha.infra.outgoing_http import OutgoingHttp, OutgoingRequestError

SECRET = "a secret of the tests"
Serve = Callable[[bytes, float], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Return a function that starts a server with one response, in parts with pauses; it returns the URL."""
    servers: list[asyncio.Server] = []

    async def start(response: bytes, pause_s: float = 0.0) -> str:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await reader.readuntil(b"\r\n\r\n")
                step = max(1, len(response) // 10) if pause_s else len(response) or 1
                for start in range(0, len(response), step):
                    writer.write(response[start : start + step])
                    await writer.drain()
                    await asyncio.sleep(pause_s)
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/path"

    yield start
    for server in servers:
        server.close()


def response_of(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def failure(http: OutgoingHttp, url: str) -> str:
    with pytest.raises(OutgoingRequestError) as failed:
        await http.fetch_json("POST", f"{url}?token={SECRET}", form={"secret": SECRET})
    message = str(failed.value)
    assert SECRET not in message
    return message


async def test_json_is_returned_with_its_status(serve: Serve) -> None:
    url = await serve(response_of(b'{"error":"x"}', "400 Bad Request"), 0)

    response = await OutgoingHttp().fetch_json("GET", url)

    assert (response.status, response.fields) == (400, {"error": "x"})


async def test_body_that_is_no_object_has_no_fields(serve: Serve) -> None:
    response = await OutgoingHttp().fetch_json("GET", await serve(response_of(b"[1]"), 0))

    assert (response.body, response.fields) == ([1], {})


@pytest.mark.parametrize(
    ("response", "problem"),
    [
        (response_of(b"<html>"), "without JSON"),
        (response_of(b"", "302 Found", "location: http://127.0.0.1:1/"), "a redirect"),
        (response_of(b"[" + b" " * 2000 + b"]"), "too large"),
        (response_of(gzip.compress(b"[]"), "200 OK", "content-encoding: gzip"), "compressed"),
        (b"nonsense\r\n\r\n", "RemoteProtocolError"),
        (b"", "Error"),
    ],
    ids=["HTML", "redirect", "large", "compressed", "no HTTP", "nothing"],
)
async def test_response_that_cannot_be_used_is_an_error(serve: Serve, response: bytes, problem: str) -> None:
    assert problem in await failure(OutgoingHttp(max_response_bytes=1000), await serve(response, 0))


async def test_response_has_to_be_complete_in_time(serve: Serve) -> None:
    """Each part arrives in time, and the whole does not."""
    url = await serve(response_of(b"[" + b" " * 500 + b"]"), 0.1)

    assert "TimeoutError" in await failure(OutgoingHttp(timeout_s=0.3), url)


async def test_server_that_is_away_is_an_error(serve: Serve) -> None:
    assert "ConnectError" in await failure(OutgoingHttp(), "http://127.0.0.1:1/path")
    assert await failure(OutgoingHttp(), "http://[x/path")


async def test_certificate_that_is_not_trusted_is_an_error(tmp_path: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(self_signed_certificate(tmp_path))
    received = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read(1000))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    try:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/path"
        assert "ConnectError" in await failure(OutgoingHttp(), url)
        assert received == []
    finally:
        server.close()


def self_signed_certificate(folder: Path) -> Path:
    """Write a key and a certificate for 127.0.0.1 that nobody has signed, and return the file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    return path
