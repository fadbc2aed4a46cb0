"""A server process that is started, kept running, and stopped."""

from __future__ import annotations

import asyncio
import logging
import signal
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from monynha.core.errors import WrongSetting
from monynha.infra.embedded.complaints import Died, last_words
from monynha.infra.embedded.identity import Identity

log = logging.getLogger("monynha.embedded")

_ASK_EVERY_S = 0.02
_LONGEST_PAUSE_S = 5.0
_LARGEST_LOG_BYTES = 10_000_000


@dataclass(frozen=True)
class Spec:
    """How one server is run; `is_ready` asks it, `clear` removes what a killed one left."""

    name: str
    argv: tuple[str, ...]
    identity: Identity
    log_path: Path
    stop_signals: tuple[signal.Signals, ...]  # each harsher than the one before
    patience_s: float
    is_ready: Callable[[], Awaitable[bool]]
    clear: Callable[[], Awaitable[None]]


class Supervised:
    """One running server."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._process: Process | None = None
        self._watcher: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the server and return when it answers; from then on a death is mended."""
        await self._spec.clear()
        try:
            await self._launch()
        except BaseException:
            await self.stop()
            raise
        self._watcher = asyncio.create_task(self._keep_running(), name=f"keep {self._spec.name} running")

    async def stop(self) -> None:
        """Stop the server: politely, then less so."""
        if self._watcher:
            self._watcher.cancel()
            with suppress(asyncio.CancelledError):
                await self._watcher
        for order in (*self._spec.stop_signals, signal.SIGKILL):
            if self._process is None or self._process.returncode is not None:
                return
            with suppress(ProcessLookupError):
                self._process.send_signal(order)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), self._spec.patience_s)

    async def _launch(self) -> None:
        """Run the program until it answers, or raise what it said last."""
        spec = self._spec
        if spec.log_path.exists() and spec.log_path.stat().st_size > _LARGEST_LOG_BYTES:
            spec.log_path.replace(spec.log_path.with_suffix(".log.1"))
        with spec.log_path.open("ab") as output:
            said_before = output.tell()
            process = await spec.identity.run(spec.stop_signals[0], *spec.argv, output=output, errors=output)
        self._process = process
        while not await spec.is_ready():
            if process.returncode is not None:
                raise Died(last_words(spec.log_path, said_before) or f"exit code {process.returncode}")
            await asyncio.sleep(_ASK_EVERY_S)

    async def _keep_running(self) -> None:
        pause = 0.1
        while True:
            assert self._process is not None
            code = await self._process.wait()
            log.warning("%s ended (%s) and is started again", self._spec.name, code)
            try:
                await self._spec.clear()
                await self._launch()
                log.warning("%s is back", self._spec.name)
                pause = 0.1
            except (Died, OSError, WrongSetting) as cause:
                log.error("%s does not start: %s", self._spec.name, cause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
