"""Starts a server process, restarts it when it exits, and stops it."""

from __future__ import annotations

import asyncio
import logging
import signal
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from monynha.core.errors import SettingsError
from monynha.infra.embedded.process_user import ProcessUser
from monynha.infra.embedded.startup_errors import ServerExitedError, read_log_since

log = logging.getLogger("monynha.embedded")

_READY_POLL_INTERVAL_S = 0.02
_MAX_RESTART_DELAY_S = 5.0
_MAX_LOG_BYTES = 10_000_000


@dataclass(frozen=True)
class ServerSpec:
    """How to run a server: `is_ready` probes it, `clean_up` clears what a killed one left behind."""

    name: str
    argv: tuple[str, ...]
    process_user: ProcessUser
    log_path: Path
    stop_signals: tuple[signal.Signals, ...]  # each more forceful than the one before
    stop_timeout_s: float
    is_ready: Callable[[], Awaitable[bool]]
    clean_up: Callable[[], Awaitable[None]]


class SupervisedServer:
    """A server process that is restarted when it exits."""

    def __init__(self, spec: ServerSpec) -> None:
        self._spec = spec
        self._process: Process | None = None
        self._watcher: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the server and return when it is ready; from then on restart it when it exits.

        Raises ServerExitedError if it exits before it is ready.
        """
        await self._spec.clean_up()
        try:
            await self._launch()
        except BaseException:
            await self.stop()
            raise
        self._watcher = asyncio.create_task(self._restart_on_exit(), name=f"supervise {self._spec.name}")

    async def stop(self) -> None:
        """Stop the server, with the next stop signal each time it does not exit in time."""
        if self._watcher:
            self._watcher.cancel()
            with suppress(asyncio.CancelledError):
                await self._watcher
        for stop_signal in (*self._spec.stop_signals, signal.SIGKILL):
            if self._process is None or self._process.returncode is not None:
                return
            with suppress(ProcessLookupError):
                self._process.send_signal(stop_signal)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), self._spec.stop_timeout_s)

    async def _launch(self) -> None:
        """Start the process and wait until it is ready."""
        spec = self._spec
        if spec.log_path.exists() and spec.log_path.stat().st_size > _MAX_LOG_BYTES:
            spec.log_path.replace(spec.log_path.with_suffix(".log.1"))
        with spec.log_path.open("ab") as log_file:
            log_offset = log_file.tell()
            process = await spec.process_user.spawn(spec.stop_signals[0], *spec.argv, output=log_file, errors=log_file)
        self._process = process
        while not await spec.is_ready():
            if process.returncode is not None:
                raise ServerExitedError(read_log_since(spec.log_path, log_offset) or f"exit code {process.returncode}")
            await asyncio.sleep(_READY_POLL_INTERVAL_S)

    async def _restart_on_exit(self) -> None:
        delay_s = 0.1
        while True:
            assert self._process is not None  # `start` launched it before it created this task
            exit_code = await self._process.wait()
            log.warning("%s exited (%s) and is restarted", self._spec.name, exit_code)
            try:
                await self._spec.clean_up()
                await self._launch()
                log.warning("%s is running again", self._spec.name)
                delay_s = 0.1
            except (ServerExitedError, OSError, SettingsError) as error:
                log.error("%s does not start: %s", self._spec.name, error)
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, _MAX_RESTART_DELAY_S)
