"""A Valkey of a test's own, that it may stop, freeze and start again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from monynha.infra.embedded.binaries import find_valkey

PASSWORD = "p@ss/word"


@dataclass
class ValkeyServer:
    """A server process on a socket, behind a password."""

    folder: Path
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.folder / "v.sock"

    @property
    def url(self) -> str:
        """How to reach it."""
        return f"unix://:p%40ss%2Fword@{self.socket}?db=3"

    async def start(self) -> None:
        """Start it and wait until it listens."""
        options = ["--port", "0", "--unixsocket", str(self.socket), "--requirepass", PASSWORD, "--save", ""]
        self._run([str(find_valkey(None)), *options, "--dir", str(self.folder), "--daemonize", "no"])
        for _ in range(500):
            try:
                _, writer = await asyncio.open_unix_connection(str(self.socket))
            except OSError:
                await asyncio.sleep(0.01)
                continue
            writer.close()
            return
        raise AssertionError("Valkey did not start")

    def _run(self, argv: list[str]) -> None:
        self.process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)

    def signal(self, what: signal.Signals) -> None:
        """Send its process a signal."""
        assert self.process is not None
        os.kill(self.process.pid, what)

    def stop(self) -> None:
        """Kill it at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
            with contextlib.suppress(FileNotFoundError):
                self.socket.unlink()


@pytest.fixture
async def own_valkey() -> AsyncIterator[ValkeyServer]:
    """Return a Valkey that runs."""
    # A socket's path is short, and pytest's folders are not.
    with tempfile.TemporaryDirectory(prefix="mv") as folder:
        server = ValkeyServer(Path(folder))
        await server.start()
        yield server
        server.stop()
