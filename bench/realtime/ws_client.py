"""A cheap WebSocket client for thousands of sockets: signs in, joins a project, and counts bytes or reads texts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, cast

_UPGRADE_REQUEST = (
    b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def encode_frame(value: object) -> bytes:
    """Return a text frame of a client; the mask is zero, so that masking costs nothing."""
    text = json.dumps(value, separators=(",", ":")).encode()
    size = bytes((0x80 | len(text),)) if len(text) < 126 else b"\xfe" + len(text).to_bytes(2, "big")
    return b"\x81" + size + b"\0\0\0\0" + text


def decode_frames(buffer: bytearray) -> list[bytes]:
    """Remove the complete frames from the buffer and return their texts."""
    texts = []
    while len(buffer) >= 2:
        size, start = buffer[1], 2
        if size >= 126:
            width = 2 if size == 126 else 8
            size, start = int.from_bytes(buffer[2 : 2 + width], "big"), 2 + width
        if len(buffer) < start + size:
            break
        if buffer[0] == 0x81:
            texts.append(bytes(buffer[start : start + size]))
        del buffer[: start + size]
    return texts


class RawWsClient(asyncio.Protocol):
    """One socket. Once it is ready, `on_bytes` gets the size of received data, or `on_text` the texts."""

    def __init__(self, token: str, project: str | None) -> None:
        self._auth_frame = encode_frame({"type": "auth", "token": token})
        self._project = project
        self._buffer = bytearray()
        self._is_upgraded = False
        self.ready = asyncio.get_running_loop().create_future()
        self.on_bytes: Callable[[int], None] | None = None
        self.on_text: Callable[[bytes], None] | None = None
        self.transport: asyncio.Transport = cast(asyncio.Transport, None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the upgrade request."""
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(_UPGRADE_REQUEST)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the `ready` future."""
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("the server hung up"))

    def data_received(self, data: bytes) -> None:
        """Process received data."""
        if self.on_bytes is not None:
            self.on_bytes(len(data))
            return
        self._buffer += data
        if not self._is_upgraded:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            if not self._buffer.startswith(b"HTTP/1.1 101"):
                self.ready.set_exception(ConnectionError(self._buffer[:200].decode()))
                return
            self._is_upgraded = True
            del self._buffer[: end + 4]
            self.transport.write(self._auth_frame)
        for text in decode_frames(self._buffer):
            if self.ready.done():
                if self.on_text is not None:
                    self.on_text(text)
            else:
                self._on_handshake_message(json.loads(text))

    def _on_handshake_message(self, message: dict[str, Any]) -> None:
        if message["type"] == "ready" and self._project is not None:
            self.transport.write(encode_frame({"type": "join", "projectId": self._project}))
        elif message["type"] in ("ready", "joined"):
            self.ready.set_result(None)
        else:
            self.ready.set_exception(ConnectionError(json.dumps(message)))


async def open_client(port: int, token: str, project: str | None = None) -> RawWsClient:
    """Open a socket, sign in and join the project."""
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_connection(lambda: RawWsClient(token, project), "127.0.0.1", port)
    await protocol.ready
    return protocol


async def open_clients(
    port: int, memberships: list[tuple[str, str | None]], *, per_second: float = 500
) -> list[RawWsClient]:
    """Open many sockets at a constant rate."""
    loop = asyncio.get_running_loop()
    started, tasks = loop.time(), []
    for number, (token, project) in enumerate(memberships):
        await asyncio.sleep(max(0.0, started + number / per_second - loop.time()))
        tasks.append(asyncio.create_task(open_client(port, token, project)))
    return list(await asyncio.gather(*tasks))
