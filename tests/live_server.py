"""Serve the application on a real port, and a client for `/ws`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import uvicorn
from websockets.asyncio.client import ClientConnection, connect

from monynha.app.serving.loader import ServedApplication
from monynha.protocols.http.server.connection import HttpConnection
from monynha.protocols.http.server.unsent_bytes import UnsentBytes
from monynha.protocols.http.server.websocket import WebSocket
from tests.users import ApiUser

TIMEOUT_S = 30.0
OwnerSql = Callable[..., Awaitable[list[Any]]]
"""Executes a statement as the owner of the tables, past the application."""


@asynccontextmanager
async def serve(application: ServedApplication, unsent_bytes: UnsentBytes | None = None) -> AsyncIterator[str]:
    """Serve the application on a free port and yield `host:port`."""
    unsent_bytes = unsent_bytes or UnsentBytes(256_000_000)
    config = uvicorn.Config(
        application.http,
        port=0,
        http=partial(HttpConnection, unsent_bytes=unsent_bytes),  # type: ignore[arg-type]  # uvicorn calls it as a class
        ws=WebSocket,
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="critical",
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    # uvicorn would take over the signals of the test run.
    server.capture_signals = nullcontext  # type: ignore[method-assign, assignment]
    server_task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await server_task


@dataclass
class WsClient:
    """A client of `/ws`."""

    connection: ClientConnection

    async def send(self, message_type: str, **fields: Any) -> None:
        """Send a message of a type."""
        await self.connection.send(json.dumps({"type": message_type, **fields}))

    async def receive(self, message_type: str | None = None) -> dict[str, Any]:
        """Return the next message, and check its type."""
        async with asyncio.timeout(TIMEOUT_S):
            message: dict[str, Any] = json.loads(await self.connection.recv())
        assert message_type is None or message["type"] == message_type, message
        return message

    async def receives_nothing(self, seconds: float = 0.3) -> bool:
        """Return True if no message arrives for a while; fail with the message otherwise."""
        try:
            async with asyncio.timeout(seconds):
                message = await self.connection.recv()
        except TimeoutError:
            return True
        raise AssertionError(message)

    async def join(self, project: dict[str, Any]) -> int:
        """Join a project and return its version."""
        await self.send("join", projectId=project["id"])
        joined = await self.receive("joined")
        assert joined["projectId"] == project["id"]
        version: int = joined["version"]
        return version

    async def wait_closed(self) -> tuple[int, str]:
        """Return the code and the reason with which the server closed the socket."""
        async with asyncio.timeout(TIMEOUT_S):
            await self.connection.wait_closed()
        return self.connection.close_code or 0, self.connection.close_reason or ""


@asynccontextmanager
async def ws_client(address: str, user: ApiUser) -> AsyncIterator[WsClient]:
    """Yield an authenticated client."""
    async with connect(f"ws://{address}/ws") as connection:
        client = WsClient(connection)
        await client.send("auth", token=user.token)
        ready = await client.receive("ready")
        assert ready["userId"] == str(user.id)
        yield client
