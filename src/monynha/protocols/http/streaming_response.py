"""Answers without an end: they go on until they have said all, or until nobody reads them."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress

from monynha.protocols.http.request import Receive, Send
from monynha.protocols.http.response import Headers, Response


async def send_stream(response: Response, common_headers: Headers, receive: Receive, send: Send) -> None:
    """Send the answer piece by piece."""
    assert response.stream is not None
    headers = (*response.headers, *common_headers)
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    sending = asyncio.create_task(_send_chunks(response, send))
    disconnecting = asyncio.create_task(_wait_for_disconnect(receive))
    try:
        await asyncio.wait({sending, disconnecting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, disconnecting):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    with suppress(OSError):
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def send_stream_head(response: Response, common_headers: Headers, receive: Receive, send: Send) -> None:
    """Send the head alone, and end what would have followed: it has to begin for that."""
    assert response.stream is not None
    async with aclosing(response.stream) as chunks:  # type: ignore[type-var]  # as below
        with suppress(StopAsyncIteration):
            await anext(chunks)
    await send(
        {
            "type": "http.response.start",
            "status": response.status,
            "headers": (*response.headers, *common_headers),
        }
    )
    await send({"type": "http.response.body", "body": b""})


async def _send_chunks(response: Response, send: Send) -> None:
    chunks = response.stream
    assert chunks is not None
    async with aclosing(chunks) as open_chunks:  # type: ignore[type-var]  # every stream of ours is a generator
        async for chunk in open_chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
