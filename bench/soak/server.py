"""The server under test: one process with embedded servers, in the configuration of production."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.soak.http_client import Address

_START_TIMEOUT_S, _STOP_TIMEOUT_S = 120.0, 60.0
_SETTINGS = {
    "APP_ENV": "production",
    "MONYNHA_AUTOCONFIRM": "on",
    "MONYNHA_PORT": "0",
    # Counted, but never refused: all clients have one address, and each sends more than a person.
    "MONYNHA_LIMIT_AUTH": "10000000/15m",
    "MONYNHA_LIMIT_API": "10000000/15m",
    "MONYNHA_LIMIT_API_ADDRESS": "10000000/15m",
}


@dataclass
class Server:
    """The running server."""

    process: subprocess.Popen[str]
    address: Address
    log_file: Path
    stop_problem: str | None = None

    def rss_mb(self) -> float:
        """Return the resident memory of the process that serves."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1_048_576

    def socket_count(self) -> int:
        """Return the number of its connections to clients."""
        return count_connections(Path(f"/proc/{self.process.pid}/net/tcp").read_text(), self.address.port)

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended."""
        return self.process.poll() is None

    async def stop(self) -> None:
        """Stop it in order, and note when it does not."""
        if not self.is_running:
            self.stop_problem = f"the server ended by itself with {self.process.returncode}"
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            code = await asyncio.to_thread(self.process.wait, _STOP_TIMEOUT_S)
            self.stop_problem = f"the server stopped with {code}" if code else None
        except subprocess.TimeoutExpired:
            self.stop_problem = f"the server did not stop within {_STOP_TIMEOUT_S:.0f} s"
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@asynccontextmanager
async def start_server(folder: Path, *, token_ttl_s: int) -> AsyncIterator[Server]:
    """Start the server on an empty folder; it is stopped at the end, if it has not been before."""
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME", "LANG") if name in os.environ}
    environment |= {**_SETTINGS, "MONYNHA_DATA_DIR": str(folder / "data")}
    environment["MONYNHA_ACCESS_TOKEN_TTL"] = str(token_ttl_s)
    log_file = folder / "server.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            (sys.executable, "-m", "monynha.app.cli", "serve"),
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    try:
        assert process.stdout is not None  # it is a pipe
        line = await asyncio.wait_for(asyncio.to_thread(process.stdout.readline), _START_TIMEOUT_S)
        if not line:
            raise SystemExit(f"the server does not start:\n{log_file.read_text()[-2000:]}")
        url = urlsplit(line.split()[-1])
        server = Server(process, Address(url.hostname or "", url.port or 0), log_file)
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_TIMEOUT_S)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        if process.stdout is not None:
            process.stdout.close()


def logged_errors(lines: Iterable[str]) -> list[str]:
    """Return the lines of a log that tell of an error: a level above warning, a 5xx, or no JSON."""
    errors = []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            errors.append(line.strip())
            continue
        if event.get("level") in ("error", "critical") or event.get("status", 0) >= 500:
            errors.append(line.strip())
    return errors


def count_connections(table: str, port: int) -> int:
    """Return how many connections of a local port a table has that the local side has not closed (proc_net(5)).

    They are open (01), or only the peer has closed them (08).
    """
    rows = [line.split() for line in table.splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] in ("01", "08") for row in rows)
