"""Answers without an end: they go on until they have said all, or until nobody reads them."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress

from monynha.protocols.http.request import Receive, Send
from monynha.protocols.http.response import Headers, Response


async def stream(response: Response, common: Headers, receive: Receive, send: Send) -> None:
    """Send the answer piece by piece."""
    assert response.stream is not None
    headers = (*response.headers, *common)
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    sending = asyncio.create_task(_send(response, send))
    leaving = asyncio.create_task(_until_left(receive))
    try:
        await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, leaving):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    with suppress(OSError):
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def stream_head(response: Response, common: Headers, receive: Receive, send: Send) -> None:
    """Send the head alone, and end what would have followed: it has to begin for that."""
    assert response.stream is not None
    async with aclosing(response.stream) as pieces:  # type: ignore[type-var]  # as below
        with suppress(StopAsyncIteration):
            await anext(pieces)
    await send(
        {
            "type": "http.response.start",
            "status": response.status,
            "headers": (*response.headers, *common),
        }
    )
    await send({"type": "http.response.body", "body": b""})


async def _send(response: Response, send: Send) -> None:
    pieces = response.stream
    assert pieces is not None
    async with aclosing(pieces) as held:  # type: ignore[type-var]  # every stream of ours is a generator
        async for piece in held:
            await send({"type": "http.response.body", "body": piece, "more_body": True})


async def _until_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
