"""The order of starting and stopping: take the port, start the servers while the application is imported, serve."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack

from monynha.app.serving import loader
from monynha.app.serving.listen_socket import open_listeners, with_bound_port
from monynha.app.serving.memory import return_large_blocks
from monynha.app.serving.uvicorn_server import serve_http
from monynha.app.serving.worker_pool import WorkerPool
from monynha.core.settings.settings import Settings, local_url
from monynha.infra.embedded import ServerUrls, hold_serve_lock, run_servers


class _StopSignal:
    """SIGINT and SIGTERM: before the program serves they cancel the start, afterwards they request a shutdown."""

    def __init__(self) -> None:
        self.requested = asyncio.Event()
        self._start_task: asyncio.Task[object] | None = asyncio.current_task()
        for signal_number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(signal_number, self._on_signal)

    def mark_started(self) -> None:
        """From now on a signal requests a shutdown."""
        self._start_task = None

    def _on_signal(self) -> None:
        if self._start_task and not self.requested.is_set():
            self._start_task.cancel()
        self.requested.set()


async def serve(settings: Settings, module: str = loader.APPLICATION_MODULE) -> None:
    """Run the program until SIGINT or SIGTERM; return when everything has stopped.

    Raises SettingsError if it cannot start.
    """
    stop_signal = _StopSignal()
    return_large_blocks()
    try:
        await _serve(settings, module, stop_signal)
    except asyncio.CancelledError:
        if not stop_signal.requested.is_set():
            raise


async def _serve(settings: Settings, module: str, stop_signal: _StopSignal) -> None:
    async with AsyncExitStack() as stack:
        listeners = [stack.enter_context(listener) for listener in await open_listeners(settings)]
        settings = with_bound_port(settings, listeners[0])
        url = local_url(settings.host, settings.port)
        write_note: Callable[[str], None] = lambda _: None  # noqa: E731
        if not (settings.database_url and settings.redis_url):
            write_note = stack.enter_context(hold_serve_lock(settings.data_dir)).write_note

        def on_ready() -> None:
            stop_signal.mark_started()
            write_note(url)
            print(f"Monynha is ready at {url}", flush=True)

        if settings.workers > 1:
            worker_pool = await stack.enter_async_context(WorkerPool(settings, module, listeners))
            server_urls = await _run_servers(settings, stack)
            await worker_pool.serve(server_urls, stop_signal.requested, on_ready)
            return
        load_task = asyncio.create_task(asyncio.to_thread(loader.load_application, module))
        stack.callback(load_task.cancel)
        server_urls = await _run_servers(settings, stack)
        build = await load_task
        application = await build(settings, server_urls)
        try:
            await serve_http(
                application,
                listeners[0],
                stop_signal.requested,
                on_ready,
                max_unsent_bytes=settings.max_unsent_mb * 1_000_000,
            )
        finally:
            await application.close()


async def _run_servers(settings: Settings, stack: AsyncExitStack) -> ServerUrls:
    server_urls = await stack.enter_async_context(run_servers(settings, exclusive=True))
    if settings.database_url:
        from monynha.app.serving.valkey_check import claim_valkey  # only a database set by URL can be shared

        await stack.enter_async_context(claim_valkey(server_urls.database_url, server_urls.redis_url))
    return server_urls
