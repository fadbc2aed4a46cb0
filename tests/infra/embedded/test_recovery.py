"""The embedded servers after a death, whoever died."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

from monynha.core.settings.settings import Settings
from monynha.infra.embedded import run_servers
from monynha.infra.embedded.stale_processes import find_processes
from tests.infra.embedded.probes import (
    EXTERNAL_DATABASE,
    postmaster_pid,
    settings_for,
    valkey_command,
    wait_for_database,
    wait_until,
)


async def test_a_database_that_is_killed_comes_back_by_itself(postgres_only: Settings) -> None:
    async with run_servers(postgres_only) as server_urls:
        await wait_for_database(server_urls)
        killed_pid = postmaster_pid(postgres_only)
        os.kill(killed_pid, signal.SIGKILL)
        # Its children go down on their own; only then may the next start.
        await wait_until(lambda: killed_pid not in find_processes(postgres_only.data_dir / "pg", "postgres"))
        await wait_for_database(server_urls)
        new_pid = postmaster_pid(postgres_only)

    assert new_pid != killed_pid


async def test_a_valkey_that_is_killed_comes_back_by_itself(tmp_path: Path) -> None:
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


async def test_a_damaged_valkey_file_is_put_aside(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, **EXTERNAL_DATABASE)
    damaged = tmp_path / "valkey" / "appendonlydir"
    damaged.mkdir(parents=True)
    (damaged / "appendonly.aof.manifest").write_text("nonsense\n")

    async with run_servers(settings) as server_urls:
        reply = await valkey_command(server_urls.redis_url, "PING")

    assert reply == "+PONG"
    assert (tmp_path / "valkey.damaged").exists()


async def test_a_first_start_that_died_half_way_is_begun_anew(postgres_only: Settings) -> None:
    draft = postgres_only.data_dir / "pg.tmp"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")
    (draft / "base").mkdir()

    async with run_servers(postgres_only) as server_urls:
        await wait_for_database(server_urls)

    assert not draft.exists()


async def test_a_pid_file_whose_number_is_now_a_strangers_does_not_stop_the_start(
    postgres_only: Settings,
) -> None:
    async with run_servers(postgres_only):
        pass
    pid_file = postgres_only.data_dir / "pg" / "postmaster.pid"
    other_process = await asyncio.create_subprocess_exec("sleep", "60")
    try:
        pid_file.write_text(
            f"{other_process.pid}\n{pid_file.parent}\n1795389404\n5432\n/nowhere\n\n  1234567    32768\nready   \n"
        )
        async with run_servers(postgres_only) as server_urls:
            await wait_for_database(server_urls)
    finally:
        other_process.kill()
        await other_process.wait()
