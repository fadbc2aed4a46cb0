"""A Valkey server of a test's own, which it may stop, freeze and start again."""

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
        """The path of its socket."""
        return self.folder / "v.sock"

    @property
    def url(self) -> str:
        """Its URL."""
        return f"unix://:p%40ss%2Fword@{self.socket}?db=3"

    async def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        options = ["--port", "0", "--unixsocket", str(self.socket), "--requirepass", PASSWORD, "--save", ""]
        self._run([str(find_valkey(None)), *options, "--dir", str(self.folder), "--daemonize", "no"])
        for _ in range(3000):
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

    def signal(self, number: signal.Signals) -> None:
        """Send the process a signal."""
        assert self.process is not None
        os.kill(self.process.pid, number)

    def stop(self) -> None:
        """Kill the process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
            with contextlib.suppress(FileNotFoundError):
                self.socket.unlink()


@pytest.fixture
async def valkey_server() -> AsyncIterator[ValkeyServer]:
    """Return a running Valkey server."""
    # The path of a socket is limited to about 100 bytes, and pytest's folders are longer.
    with tempfile.TemporaryDirectory(prefix="mv") as folder:
        server = ValkeyServer(Path(folder))
        await server.start()
        yield server
        server.stop()
