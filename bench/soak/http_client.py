"""An HTTP client over one connection that is kept, and a reader of server-sent events."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncGenerator
from dataclasses import dataclass

_CONTENT_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)\r\n")
RESPONSE_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Address:
    """Where the server listens."""

    host: str
    port: int

    async def connect(
        self, receive_buffer_bytes: int | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection; a small receive buffer makes the server wait for what is not read."""
        if receive_buffer_bytes is None:
            return await asyncio.open_connection(self.host, self.port)
        raw = socket.socket()
        raw.setblocking(False)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        await asyncio.get_running_loop().sock_connect(raw, (self.host, self.port))
        return await asyncio.open_connection(sock=raw, limit=receive_buffer_bytes)


def encode_request(method: str, path: str, token: str, body: bytes | None = None) -> bytes:
    """Return a request."""
    lines = [f"{method} {path} HTTP/1.1", "host: soak"]
    if token:
        lines.append(f"authorization: Bearer {token}")
    if body is not None:
        lines += ["content-type: application/json", f"content-length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


async def read_head(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Return the status and the bytes of the next response's head."""
    head = await reader.readuntil(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]), head


def content_length(head: bytes) -> int:
    """Return the length of a response's body, 0 if it has none."""
    match = _CONTENT_LENGTH.search(head)
    return int(match[1]) if match else 0


class HttpClient:
    """Sends requests one after another on a connection that is opened when it is needed."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def request(self, method: str, path: str, token: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Return the status and the body of the response.

        Raises OSError, TimeoutError or EOFError if there is none; the next request opens a new connection.
        """
        if self._streams is None:
            self._streams = await self._address.connect()
        reader, writer = self._streams
        try:
            async with asyncio.timeout(RESPONSE_TIMEOUT_S):
                writer.write(encode_request(method, path, token, body))
                status, head = await read_head(reader)
                return status, await reader.readexactly(content_length(head))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


async def read_event_stream(reader: asyncio.StreamReader) -> AsyncGenerator[dict[str, str]]:
    """Yield the events of a chunked response after its head: the fields of each by name (HTML §9.2)."""
    buffer = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        buffer += (await reader.readexactly(size + 2))[:-2]
        *blocks, buffer = buffer.split(b"\n\n")
        for block in blocks:
            pairs = (line.split(": ", 1) for line in block.decode().split("\n"))
            fields = {pair[0]: pair[1] for pair in pairs if len(pair) == 2 and pair[0]}
            if fields:
                yield fields
