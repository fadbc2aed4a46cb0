"""Other queues: BullMQ, Procrastinate and Celery, each in its own process, as its documentation says."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from bench.dataset import BENCH_FOLDER, run_command
from bench.launchers import install_packages
from monynha.infra.embedded import ServerUrls
from monynha.infra.embedded.binaries import find_valkey

_PEERS = BENCH_FOLDER / "peers"
_WITHIN_S = 300


@dataclass(frozen=True)
class Rates:
    """Jobs a second of one round; None where a queue was not asked to."""

    worked_off: float
    one_by_one: float | None = None
    in_bulk: float | None = None


@dataclass(frozen=True)
class Peer:
    """Another queue, and the command that measures it and prints its rates as JSON."""

    name: str
    command: tuple[str, ...]
    env: dict[str, str]
    job_count: int

    async def measure(self) -> Rates:
        """Enqueue the jobs and work them off with one worker process."""
        env = {**os.environ, **self.env}
        folder = Path(self.command[1]).parent
        output = await run_command(*self.command, str(self.job_count), env=env, within_s=_WITHIN_S, folder=folder)
        rates: dict[str, Any] = json.loads(output.splitlines()[-1])
        return Rates(**rates)


@asynccontextmanager
async def run_durable_valkey(folder: Path) -> AsyncIterator[int]:
    """Run a Valkey that has written every command to its disk before it replies; yield its port."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    options = (
        "--port",
        str(port),
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
        "--save",
        "",
        "--dir",
        str(folder),
    )
    process = await asyncio.create_subprocess_exec(find_valkey(None), *options, stdout=asyncio.subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            except OSError:
                await asyncio.sleep(0.05)
        yield port
    finally:
        process.terminate()
        await process.wait()


async def available_peers(servers: ServerUrls, valkey_port: int, work_folder: Path) -> list[Peer]:
    """Install the peers, and return those that can be installed here."""
    peers = []
    valkey_url = f"redis://127.0.0.1:{valkey_port}"
    if await install_packages(_PEERS / "bullmq"):
        command = ("node", str(_PEERS / "bullmq" / "bench.js"))
        peers.append(Peer("BullMQ on Valkey, AOF always", command, {"VALKEY_PORT": str(valkey_port)}, 20_000))
    python = await _install_python_peers(work_folder / "queues")
    url = await _prepare_procrastinate(servers)
    folder = _PEERS / "queues"
    peers.append(
        Peer("Procrastinate", (str(python), str(folder / "procrastinate_app.py")), {"PEER_DATABASE_URL": url}, 2_000)
    )
    broker = {"PEER_BROKER_URL": f"{valkey_url}/1", "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
    peers.append(Peer("Celery on Valkey, AOF always", (str(python), str(folder / "celery_app.py")), broker, 5_000))
    return peers


async def _install_python_peers(folder: Path) -> Path:
    python = folder / "bin" / "python"
    if not python.exists():
        await run_command(sys.executable, "-m", "venv", "--without-pip", str(folder))
    env = {**os.environ, "UV_SYSTEM_CERTS": "1"}
    uv = str(Path(sys.executable).parent / "uv")
    requirements = str(_PEERS / "queues" / "requirements.txt")
    await run_command(uv, "pip", "install", "-q", "--python", str(python), "-r", requirements, env=env, within_s=600)
    return python


async def _prepare_procrastinate(servers: ServerUrls) -> str:
    """Return the URL of an empty schema of the same database, for the role that owns it."""
    connection = await asyncpg.connect(servers.owner_url, server_settings={"role": "monynha_owner"})
    await connection.execute("drop schema if exists procrastinate cascade; create schema procrastinate")
    await connection.close()
    separator = "&" if "?" in servers.owner_url else "?"
    options = "-c%20role%3Dmonynha_owner%20-c%20search_path%3Dprocrastinate"
    return f"{servers.owner_url}{separator}options={options}"
