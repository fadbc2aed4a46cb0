"""A crew of processes that answer on one port; one that dies is replaced."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

from monynha.app.serving.uvicorn_server import SHUTDOWN_TIMEOUT_S
from monynha.core.errors import SettingsError
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls

_log = logging.getLogger("monynha.workers")

_MAX_RESTART_DELAY_S = 5.0


@dataclass
class _WorkerProcess:
    """One process and the line to it: it gets where the servers are, and tells when it answers."""

    process: Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send_start_message(self, start_message: bytes) -> None:
        """Send the order; a worker that died meanwhile is noticed by who listens to it."""
        with suppress(ConnectionError):
            self.writer.write(len(start_message).to_bytes(4, "big") + start_message)
            await self.writer.drain()

    async def stop(self) -> None:
        """Let it finish what is in flight; end it when that takes too long."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.process.wait(), SHUTDOWN_TIMEOUT_S + 3)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        self.writer.close()


class WorkerPool:
    """The crew; it imports at once, and answers when it is told where the servers are."""

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
        self, kind: type[BaseException] | None, cause: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def serve(self, server_urls: ServerUrls, stop_requested: asyncio.Event, on_ready: Callable[[], None]) -> None:
        """Answer requests until `stop`, with the number of processes that was asked for."""
        start_message = pickle.dumps((self._settings, server_urls))
        ready_events = [asyncio.Event() for _ in self._workers]
        self._supervisors = [
            asyncio.create_task(self._keep_worker_running(supervisor, start_message, ready_events[supervisor]))
            for supervisor in self._workers
        ]
        stop_wait = asyncio.create_task(stop_requested.wait())
        ready_wait = asyncio.create_task(_wait_for_all(ready_events))
        try:
            await asyncio.wait({ready_wait, stop_wait, *self._supervisors}, return_when=asyncio.FIRST_COMPLETED)
            if ready_wait.done():
                on_ready()
                await asyncio.wait({stop_wait, *self._supervisors}, return_when=asyncio.FIRST_COMPLETED)
            for seat in self._supervisors:
                if seat.done():
                    await seat  # it never ends by itself but with a refusal
        finally:
            stop_wait.cancel()
            ready_wait.cancel()
            await self._stop()

    async def _keep_worker_running(self, index: int, start_message: bytes, is_ready: asyncio.Event) -> None:
        """Have a worker on this seat at all times."""
        delay_s = 0.1
        while True:
            worker = self._workers[index]
            await worker.send_start_message(start_message)
            report = json.loads(await worker.reader.readline() or b"{}")
            if report.get("ready"):
                is_ready.set()
                delay_s = 0.1
            exit_code = await worker.process.wait()
            worker.writer.close()
            if not is_ready.is_set():  # the first start failed, so would the next
                reason = f"MONYNHA_WORKERS: a worker ended before it could serve (exit code {exit_code})"
                raise SettingsError(report.get("wrong") or reason)
            _log.warning("a worker ended (%s) and is replaced %s", exit_code, report.get("wrong", ""))
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
            listener.close()  # else the port would take connections until the last worker is done
        for supervisor in self._supervisors:
            supervisor.cancel()
        await asyncio.gather(*self._supervisors, return_exceptions=True)
        await asyncio.gather(*(worker.stop() for worker in self._workers.values()))
        self._workers.clear()


async def _wait_for_all(events: list[asyncio.Event]) -> None:
    for event in events:
        await event.wait()
