"""The HTTP edge of one process: answers until told to stop, then finishes what is in flight."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
from collections.abc import Callable, Generator

import uvicorn

from monynha.app.serving.loader import ServedApplication
from monynha.core.errors import SettingsError
from monynha.protocols.http.server.connection import HttpConnection
from monynha.protocols.http.server.websocket import WebSocket

SHUTDOWN_TIMEOUT_S = 10


class _UvicornServer(uvicorn.Server):
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
        except OSError as error:  # another start took the port in the meantime
            raise SettingsError(f"MONYNHA_PORT: it cannot be listened on ({error.strerror})") from error
        await self.on_tick(0)  # the Date header of the very first answer
        self._on_ready()


async def serve_http(
    application: ServedApplication,
    listener: socket.socket,
    stop_requested: asyncio.Event,
    on_ready: Callable[[], None],
) -> None:
    """Answer requests until `stop`; then accept none, and give those in flight their time."""
    config = uvicorn.Config(
        application,
        http=HttpConnection,
        ws=WebSocket,
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,  # ours reads them, behind the proxies that are named only
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S,
        backlog=2048,
    )
    server = _UvicornServer(config, on_ready)
    _tune_garbage_collector()

    async def shut_down_when_requested() -> None:
        await stop_requested.wait()
        application.begin_shutdown()
        server.should_exit = True

    shutdown_task = asyncio.create_task(shut_down_when_requested())
    try:
        await server.serve(sockets=[listener])
    finally:
        shutdown_task.cancel()


def _tune_garbage_collector() -> None:
    """Leave what the start made out of every later collection; what requests make rarely needs one."""
    gc.collect()
    gc.freeze()
    # The second generation is looked at often, since everybody waits for as long as there is something in it.
    gc.set_threshold(10_000, 5, 200)
