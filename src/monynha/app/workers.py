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

from monynha.app.edge import GRACE_S
from monynha.core.errors import WrongSetting
from monynha.core.settings import Settings
from monynha.infra.embedded import Servers

log = logging.getLogger("monynha.workers")

_LONGEST_PAUSE_S = 5.0


@dataclass
class _Worker:
    """One process and the line to it: it gets where the servers are, and tells when it answers."""

    process: Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def tell(self, order: bytes) -> None:
        """Send the order; a worker that died meanwhile is noticed by who listens to it."""
        with suppress(ConnectionError):
            self.writer.write(len(order).to_bytes(4, "big") + order)
            await self.writer.drain()

    async def stop(self) -> None:
        """Let it finish what is in flight; end it when that takes too long."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.process.wait(), GRACE_S + 3)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        self.writer.close()


class Workers:
    """The crew; it imports at once, and answers when it is told where the servers are."""

    def __init__(self, settings: Settings, module: str, listeners: list[socket.socket]) -> None:
        self._settings = settings
        self._module = module
        self._listeners = listeners
        self._crew: dict[int, _Worker] = {}
        self._seats: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Workers:
        for seat in range(self._settings.workers):
            self._crew[seat] = await self._hire(seat)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, cause: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def answer(self, servers: Servers, stop: asyncio.Event, on_ready: Callable[[], None]) -> None:
        """Answer requests until `stop`, with the number of processes that was asked for."""
        order = pickle.dumps((self._settings, servers))
        answering = [asyncio.Event() for _ in self._crew]
        self._seats = [asyncio.create_task(self._keep(seat, order, answering[seat])) for seat in self._crew]
        told = asyncio.create_task(stop.wait())
        ready = asyncio.create_task(_all(answering))
        try:
            await asyncio.wait({ready, told, *self._seats}, return_when=asyncio.FIRST_COMPLETED)
            if ready.done():
                on_ready()
                await asyncio.wait({told, *self._seats}, return_when=asyncio.FIRST_COMPLETED)
            for seat in self._seats:
                if seat.done():
                    await seat  # it never ends by itself but with a refusal
        finally:
            told.cancel()
            ready.cancel()
            await self._stop()

    async def _keep(self, seat: int, order: bytes, answering: asyncio.Event) -> None:
        """Have a worker on this seat at all times."""
        pause = 0.1
        while True:
            worker = self._crew[seat]
            await worker.tell(order)
            said = json.loads(await worker.reader.readline() or b"{}")
            if said.get("ready"):
                answering.set()
                pause = 0.1
            code = await worker.process.wait()
            worker.writer.close()
            if not answering.is_set():  # the first start failed, so would the next
                ended = f"MONYNHA_WORKERS: a worker ended before it could serve (exit code {code})"
                raise WrongSetting(said.get("wrong") or ended)
            log.warning("a worker ended (%s) and is replaced %s", code, said.get("wrong", ""))
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
            self._crew[seat] = await self._hire(seat)

    async def _hire(self, seat: int) -> _Worker:
        ours, theirs = socket.socketpair()
        with theirs:
            handles = (theirs.fileno(), self._listeners[seat].fileno())
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "monynha.app.worker", self._module, *map(str, handles)),
                stdin=DEVNULL,
                pass_fds=handles,
            )
        ours.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=ours)
        return _Worker(process, reader, writer)

    async def _stop(self) -> None:
        for listener in self._listeners:
            listener.close()  # else the port would take connections until the last worker is done
        for seat in self._seats:
            seat.cancel()
        await asyncio.gather(*self._seats, return_exceptions=True)
        await asyncio.gather(*(worker.stop() for worker in self._crew.values()))
        self._crew.clear()


async def _all(events: list[asyncio.Event]) -> None:
    for event in events:
        await event.wait()
