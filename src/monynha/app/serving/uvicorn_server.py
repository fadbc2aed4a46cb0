"""Serves HTTP in one process: runs uvicorn until a stop is requested, then finishes what is in flight."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
from collections.abc import Callable, Generator
from functools import partial
from typing import cast

import uvicorn

from monynha.app.serving.loader import ServedApplication
from monynha.core.errors import SettingsError
from monynha.protocols.http.server.connection import HttpConnection
from monynha.protocols.http.server.unsent_bytes import UnsentBytes
from monynha.protocols.http.server.websocket import WebSocket

SHUTDOWN_TIMEOUT_S = 10


class _UvicornServer(uvicorn.Server):
    """uvicorn without its signal handling, which ends the process by the signal instead of with exit code 0."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except OSError as error:  # another program took the port meanwhile
            raise SettingsError(f"MONYNHA_PORT: it cannot be listened on ({error.strerror})") from error
        await self.on_tick(0)  # sets the Date header of the very first response
        self._on_ready()


async def serve_http(
    application: ServedApplication,
    listener: socket.socket,
    stop_requested: asyncio.Event,
    on_ready: Callable[[], None],
    *,
    max_unsent_bytes: int,
) -> None:
    """Serve requests until `stop_requested`; then accept none, and wait up to 10 s for those in flight.

    At most `max_unsent_bytes` wait for clients that read slowly.
    """
    server = _UvicornServer(_uvicorn_config(application, UnsentBytes(max_unsent_bytes)), on_ready)
    _tune_garbage_collector()

    async def shut_down_when_requested() -> None:
        await stop_requested.wait()
        application.begin_shutdown()
        server.should_exit = True

    shutdown_task = asyncio.create_task(shut_down_when_requested())
    # A task of its own: uvicorn wakes ten times a second, which then resumes its own frames only.
    server_task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await server_task
    finally:
        shutdown_task.cancel()


def _uvicorn_config(application: ServedApplication, unsent_bytes: UnsentBytes) -> uvicorn.Config:
    return uvicorn.Config(
        application.http,
        # uvicorn calls what it is given as a class.
        http=cast(type[asyncio.Protocol], partial(HttpConnection, unsent_bytes=unsent_bytes)),
        ws=WebSocket,
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,  # our own middleware reads them, and only behind trusted proxies
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S,
        backlog=2048,
    )


def _tune_garbage_collector() -> None:
    """Exclude what the start allocated from later collections; what requests allocate rarely needs one."""
    gc.collect()
    gc.freeze()
    # The second generation is collected often, since a collection pauses all requests for as long as it is large.
    gc.set_threshold(10_000, 5, 200)
