"""The embedded servers after a death, whoever died."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

from monynha.core.settings import Settings
from monynha.infra.embedded import servers
from monynha.infra.embedded.leftovers import processes_in
from tests.infra.embedded.asking import (
    EXTERNAL_DATABASE,
    answering,
    eventually,
    postmaster,
    settings_for,
    valkey,
)


async def test_a_database_that_is_killed_comes_back_by_itself(postgres_only: Settings) -> None:
    async with servers(postgres_only) as found:
        await answering(found)
        killed = postmaster(postgres_only)
        os.kill(killed, signal.SIGKILL)
        # Its children go down on their own; only then may the next start.
        await eventually(lambda: killed not in processes_in(postgres_only.data_dir / "pg", "postgres"))
        await answering(found)
        revived = postmaster(postgres_only)

    assert revived != killed


async def test_a_valkey_that_is_killed_comes_back_by_itself(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, **EXTERNAL_DATABASE)
    async with servers(settings) as found:
        (killed,) = processes_in(tmp_path / "valkey", "valkey-server")
        os.kill(killed, signal.SIGKILL)
        await eventually(lambda: processes_in(tmp_path / "valkey", "valkey-server") not in ([], [killed]))
        deadline = time.monotonic() + 20
        while True:
            try:
                assert await valkey(found.redis_url, "PING") == "+PONG"
                break
            except OSError:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)


async def test_a_damaged_valkey_file_is_put_aside(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, **EXTERNAL_DATABASE)
    damaged = tmp_path / "valkey" / "appendonlydir"
    damaged.mkdir(parents=True)
    (damaged / "appendonly.aof.manifest").write_text("nonsense\n")

    async with servers(settings) as found:
        answer = await valkey(found.redis_url, "PING")

    assert answer == "+PONG"
    assert (tmp_path / "valkey.damaged").exists()


async def test_a_first_start_that_died_half_way_is_begun_anew(postgres_only: Settings) -> None:
    draft = postgres_only.data_dir / "pg.tmp"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")
    (draft / "base").mkdir()

    async with servers(postgres_only) as found:
        await answering(found)

    assert not draft.exists()


async def test_a_pid_file_whose_number_is_now_a_strangers_does_not_stop_the_start(
    postgres_only: Settings,
) -> None:
    async with servers(postgres_only):
        pass
    stale = postgres_only.data_dir / "pg" / "postmaster.pid"
    stranger = await asyncio.create_subprocess_exec("sleep", "60")
    try:
        stale.write_text(
            f"{stranger.pid}\n{stale.parent}\n1795389404\n5432\n/nowhere\n\n  1234567    32768\nready   \n"
        )
        async with servers(postgres_only) as found:
            await answering(found)
    finally:
        stranger.kill()
        await stranger.wait()
