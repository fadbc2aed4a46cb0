"""The embedded Valkey after it was killed, and after its data was damaged."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

from monynha.infra.embedded import run_servers
from monynha.infra.embedded.stale_processes import find_processes
from tests.infra.embedded.probes import EXTERNAL_DATABASE, settings_for, valkey_command, wait_until


async def test_killed_valkey_is_restarted(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, **EXTERNAL_DATABASE)
    async with run_servers(settings) as server_urls:
        (killed_pid,) = find_processes(tmp_path / "valkey", "valkey-server")
        os.kill(killed_pid, signal.SIGKILL)
        await wait_until(lambda: find_processes(tmp_path / "valkey", "valkey-server") not in ([], [killed_pid]))
        deadline = time.monotonic() + 20
        while True:
            try:
                assert await valkey_command(server_urls.redis_url, "PING") == "+PONG"
                break
            except OSError:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)


async def test_damaged_data_is_set_aside(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, **EXTERNAL_DATABASE)
    damaged = tmp_path / "valkey" / "appendonlydir"
    damaged.mkdir(parents=True)
    (damaged / "appendonly.aof.manifest").write_text("nonsense\n")

    async with run_servers(settings) as server_urls:
        reply = await valkey_command(server_urls.redis_url, "PING")

    assert reply == "+PONG"
    assert (tmp_path / "valkey.damaged").exists()
