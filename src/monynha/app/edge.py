"""The HTTP edge of one process: answers until told to stop, then finishes what is in flight."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
from collections.abc import Callable, Generator

import uvicorn

from monynha.app.application import Application
from monynha.core.errors import WrongSetting
from monynha.protocols.http.connection import Connection
from monynha.protocols.http.socket import Socket

GRACE_S = 10


class _Edge(uvicorn.Server):
    """uvicorn without its signals, which would end the process by the signal instead of with exit code 0."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except OSError as cause:  # another start took the port in the meantime
            raise WrongSetting(f"MONYNHA_PORT: it cannot be listened on ({cause.strerror})") from cause
        await self.on_tick(0)  # the Date header of the very first answer
        self._on_ready()


async def answer(
    application: Application, listener: socket.socket, stop: asyncio.Event, on_ready: Callable[[], None]
) -> None:
    """Answer requests until `stop`; then accept none, and give those in flight their time."""
    config = uvicorn.Config(
        application,
        http=Connection,
        ws=Socket,
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,  # ours reads them, behind the proxies that are named only
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=GRACE_S,
        backlog=2048,
    )
    edge = _Edge(config, on_ready)
    _spare_the_collector()

    async def end() -> None:
        await stop.wait()
        application.leave()
        edge.should_exit = True

    ending = asyncio.create_task(end())
    try:
        await edge.serve(sockets=[listener])
    finally:
        ending.cancel()


def _spare_the_collector() -> None:
    """Leave what the start made out of every later collection; what requests make rarely needs one."""
    gc.collect()
    gc.freeze()
    # The second generation is looked at often, since everybody waits for as long as there is something in it.
    gc.set_threshold(10_000, 5, 200)
