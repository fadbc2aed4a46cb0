"""Serving: take the port, start the servers while the program is imported, answer, stop in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack

from monynha.app import application
from monynha.app.edge import answer
from monynha.app.listening import listen, with_address
from monynha.app.workers import Workers
from monynha.core.settings import Settings, local_url
from monynha.infra.embedded import Servers, servers, serving


class _Told:
    """Whether somebody told us to stop: it breaks a start off, and ends the serving in order."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self._starting: asyncio.Task[object] | None = asyncio.current_task()
        for order in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(order, self._hear)

    def started(self) -> None:
        """From now on a stop is orderly."""
        self._starting = None

    def _hear(self) -> None:
        if self._starting and not self.stop.is_set():
            self._starting.cancel()
        self.stop.set()


async def serve(settings: Settings, module: str = application.MODULE) -> None:
    """Run the program until it is told to stop; return when everything is stopped in order."""
    told = _Told()
    try:
        await _serve(settings, module, told)
    except asyncio.CancelledError:
        if not told.stop.is_set():
            raise


async def _serve(settings: Settings, module: str, told: _Told) -> None:
    async with AsyncExitStack() as held:
        listeners = [held.enter_context(listener) for listener in await listen(settings)]
        settings = with_address(settings, listeners[0])
        url = local_url(settings.host, settings.port)
        note: Callable[[str], None] = lambda _: None  # noqa: E731
        if not (settings.database_url and settings.redis_url):
            note = held.enter_context(serving(settings.data_dir)).write

        def ready() -> None:
            told.started()
            note(url)
            print(f"Monynha is ready at {url}", flush=True)

        if settings.workers > 1:
            crew = await held.enter_async_context(Workers(settings, module, listeners))
            found = await _servers(settings, held)
            await crew.answer(found, told.stop, ready)
            return
        loading = asyncio.create_task(asyncio.to_thread(application.load, module))
        held.callback(loading.cancel)
        found = await _servers(settings, held)
        build = await loading
        program = await build(settings, found)
        try:
            await answer(program, listeners[0], told.stop, ready)
        finally:
            await program.close()


async def _servers(settings: Settings, held: AsyncExitStack) -> Servers:
    found = await held.enter_async_context(servers(settings, alone=True))
    if settings.database_url:
        from monynha.app.sharing import sharing  # only a database by URL can be shared

        await held.enter_async_context(sharing(found.database_url, found.redis_url))
    return found
