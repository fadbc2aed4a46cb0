"""A server that runs one ASGI function, and a client that reads and writes its bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from monynha.protocols.http.request import HttpScope, Receive, Send
from tests.live_server import serve

AsgiHandler = Callable[[HttpScope, Receive, Send], Awaitable[None]]
GET_REQUEST = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"


@asynccontextmanager
async def connect_to(
    handler: AsgiHandler,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Serve the handler, and yield a connection to it."""
    application: Any = handler  # it lacks what only the shutdown of the whole program calls
    async with serve(application) as address:
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        async with asyncio.timeout(10):
            yield reader, writer
        writer.close()


def send_complete_response(scope: HttpScope, body: bytes) -> None:
    """Send a 200 with this body in one write."""
    scope["send_complete"](200, ((b"content-length", b"%d" % len(body)),), body)


async def read_response(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Return the head of the next response in lower case, and its body by its Content-Length."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    size = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return head, await reader.readexactly(size)
