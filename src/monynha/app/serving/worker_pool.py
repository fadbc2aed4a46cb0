"""Worker processes that serve on one port; one that exits is replaced."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from types import TracebackType

from monynha.app.serving.uvicorn_server import SHUTDOWN_TIMEOUT_S
from monynha.core.errors import SettingsError
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls

_log = logging.getLogger("monynha.workers")

_MAX_RESTART_DELAY_S = 5.0
_STOP_TIMEOUT_S = SHUTDOWN_TIMEOUT_S + 12  # running jobs have 15 s; then it records them and closes its connections


@dataclass
class _WorkerProcess:
    """A worker process and the control socket to it (see `worker`)."""

    process: Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send_start_message(self, start_message: bytes) -> None:
        """Send the start message; that a worker has died meanwhile shows when its reports are read."""
        with suppress(ConnectionError):
            self.writer.write(start_message)
            await self.writer.drain()

    async def stop(self) -> None:
        """Ask it to finish what is in flight and exit; kill it if that takes too long."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.process.wait(), _STOP_TIMEOUT_S)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        self.writer.close()


class WorkerPool:
    """A number of worker processes: they import the application at once, and serve after the start message."""

    def __init__(self, settings: Settings, module: str, listeners: list[socket.socket]) -> None:
        self._settings = settings
        self._module = module
        self._listeners = listeners
        self._workers: dict[int, _WorkerProcess] = {}
        self._supervisors: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> WorkerPool:
        for index in range(self._settings.workers):
            self._workers[index] = await self._spawn(index)
        return self

    async def __aexit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stop()

    async def serve(self, server_urls: ServerUrls, stop_requested: asyncio.Event, on_ready: Callable[[], None]) -> None:
        """Keep the worker processes serving until `stop_requested`.

        Raises SettingsError if one exits before it has served.
        """
        message = start_message(self._settings, server_urls)
        ready_events = [asyncio.Event() for _ in self._workers]
        self._supervisors = [
            asyncio.create_task(self._keep_worker_running(index, message, ready_events[index]))
            for index in self._workers
        ]
        stop_wait = asyncio.create_task(stop_requested.wait())
        ready_wait = asyncio.create_task(_wait_for_all(ready_events))
        try:
            await asyncio.wait({ready_wait, stop_wait, *self._supervisors}, return_when=asyncio.FIRST_COMPLETED)
            if ready_wait.done():
                on_ready()
                await asyncio.wait({stop_wait, *self._supervisors}, return_when=asyncio.FIRST_COMPLETED)
            for supervisor in self._supervisors:
                if supervisor.done():
                    await supervisor  # raises: it ends by itself only with a SettingsError
        finally:
            stop_wait.cancel()
            ready_wait.cancel()
            await self._stop()

    async def _keep_worker_running(self, index: int, message: bytes, is_ready: asyncio.Event) -> None:
        """Replace the worker process each time it exits, with a growing delay."""
        delay_s = 0.1
        while True:
            worker = self._workers[index]
            await worker.send_start_message(message)
            report = json.loads(await worker.reader.readline() or b"{}")
            if report.get("ready"):
                is_ready.set()
                delay_s = 0.1
            exit_code = await worker.process.wait()
            worker.writer.close()
            if not is_ready.is_set():  # the first start failed, so the next one would too
                reason = f"MONYNHA_WORKERS: a worker process exited before it could serve (exit code {exit_code})"
                raise SettingsError(report.get("error") or reason)
            _log.warning("a worker process exited (%s) and is replaced %s", exit_code, report.get("error", ""))
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, _MAX_RESTART_DELAY_S)
            self._workers[index] = await self._spawn(index)

    async def _spawn(self, index: int) -> _WorkerProcess:
        parent_end, child_end = socket.socketpair()
        with child_end:
            descriptors = (child_end.fileno(), self._listeners[index].fileno())
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "monynha.app.serving.worker", self._module, *map(str, descriptors)),
                stdin=DEVNULL,
                pass_fds=descriptors,
            )
        parent_end.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=parent_end)
        return _WorkerProcess(process, reader, writer)

    async def _stop(self) -> None:
        for listener in self._listeners:
            listener.close()  # otherwise the port accepts connections until the last worker has exited
        for supervisor in self._supervisors:
            supervisor.cancel()
        await asyncio.gather(*self._supervisors, return_exceptions=True)
        await asyncio.gather(*(worker.stop() for worker in self._workers.values()))
        self._workers.clear()


def start_message(settings: Settings, server_urls: ServerUrls) -> bytes:
    """Return the line of JSON that starts a worker: the settings as texts, and the URLs of the servers."""
    return json.dumps({"settings": settings.to_environment(), "servers": asdict(server_urls)}).encode() + b"\n"


async def _wait_for_all(events: list[asyncio.Event]) -> None:
    for event in events:
        await event.wait()
