"""The program behind a real port, and sockets of `/ws` to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from websockets.asyncio.client import ClientConnection, connect

from monynha.app.application import Application
from monynha.protocols.http.connection import Connection
from monynha.protocols.http.socket import Socket
from tests.people import Person

PATIENCE_S = 5.0
OwnerSql = Callable[..., Awaitable[list[Any]]]
"""Runs a statement as the owner of the tables."""


@asynccontextmanager
async def listening(program: Application) -> AsyncIterator[str]:
    """Serve the program on a free port of this machine, and return its address."""
    config = uvicorn.Config(
        program,
        port=0,
        http=Connection,
        ws=Socket,
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="critical",
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    server.capture_signals = _nothing  # type: ignore[method-assign]
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


def _nothing() -> Any:
    from contextlib import nullcontext

    return nullcontext()


@dataclass
class Line:
    """A socket of `/ws`."""

    connection: ClientConnection

    async def say(self, kind: str, **rest: Any) -> None:
        """Send a message."""
        await self.connection.send(json.dumps({"type": kind, **rest}))

    async def hear(self, kind: str | None = None) -> dict[str, Any]:
        """Return the next message, which must be of that type."""
        async with asyncio.timeout(PATIENCE_S):
            message: dict[str, Any] = json.loads(await self.connection.recv())
        assert kind is None or message["type"] == kind, message
        return message

    async def hears_nothing(self, seconds: float = 0.3) -> bool:
        """Whether nothing comes for a while."""
        try:
            async with asyncio.timeout(seconds):
                message = await self.connection.recv()
        except TimeoutError:
            return True
        raise AssertionError(message)

    async def join(self, project: dict[str, Any]) -> int:
        """Join a project and return its version."""
        await self.say("join", projectId=project["id"])
        joined = await self.hear("joined")
        assert project["id"] == joined["projectId"]
        version: int = joined["version"]
        return version

    async def closed(self) -> tuple[int, str]:
        """Return how the other side closed."""
        async with asyncio.timeout(PATIENCE_S):
            await self.connection.wait_closed()
        return self.connection.close_code or 0, self.connection.close_reason or ""


@asynccontextmanager
async def line(address: str, person: Person) -> AsyncIterator[Line]:
    """Return a signed-in socket."""
    async with connect(f"ws://{address}/ws") as connection:
        found = Line(connection)
        await found.say("auth", token=person.token)
        ready = await found.hear("ready")
        assert str(person.id) == ready["userId"]
        yield found
