"""A connection to a program that handles everything alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from monynha.protocols.http.request import Receive, Scope, Send
from monynha.protocols.http.response import SEND_COMPLETE
from tests.live_server import serve

AsgiHandler = Callable[[Scope, Receive, Send], Awaitable[None]]
GET_REQUEST = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"


@asynccontextmanager
async def connect_to(
    handler: AsgiHandler,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Return a connection to a program that handles everything alike."""
    application: Any = handler
    async with serve(application) as address:
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        async with asyncio.timeout(10):
            yield reader, writer
        writer.close()


def send_complete_response(scope: Scope, body: bytes) -> None:
    """Answer in one write."""
    scope[SEND_COMPLETE](200, ((b"content-length", b"%d" % len(body)),), body)


async def read_response(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Return the head of the next response, and a body of the length that it tells."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    size = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return head, await reader.readexactly(size)
