"""The embedded servers: started by the first command, joined by others, stopped by the last."""

from __future__ import annotations

import asyncio
from pathlib import Path

from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls, run_servers
from monynha.infra.embedded.stale_processes import find_processes
from tests.infra.embedded.probes import (
    EXTERNAL_VALKEY,
    connect,
    postmaster_pid,
    settings_for,
    valkey_command,
    wait_for_database,
)


async def test_later_start_finds_what_the_first_one_stored(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)

    async with run_servers(settings) as server_urls, connect(server_urls.owner_url) as connection:
        await connection.execute("set role monynha_owner")
        await connection.execute("create table kept (word text); insert into kept values ('ünï')")
        assert await valkey_command(server_urls.redis_url, "SET word kept") == "+OK"
    async with run_servers(settings) as server_urls, connect(server_urls.owner_url) as connection:
        await connection.execute("set role monynha_owner")
        stored_word = await connection.fetchval("select upper(word) from kept")
        assert await valkey_command(server_urls.redis_url, "EXISTS word") == ":1"

    assert stored_word == "ÜNÏ"
    assert find_processes(settings.data_dir / "pg", "postgres") == []
    assert find_processes(settings.data_dir / "valkey", "valkey-server") == []


async def test_command_joins_the_servers_that_run(postgres_only: Settings) -> None:
    async with run_servers(postgres_only) as first:
        before = postmaster_pid(postgres_only)
        async with run_servers(postgres_only) as second, connect(second.database_url):
            assert postmaster_pid(postgres_only) == before

        assert first == second
        await wait_for_database(first)


async def test_servers_run_until_the_last_command_that_joined_them_is_done(postgres_only: Settings) -> None:
    has_started, is_joined, may_leave = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def join() -> None:
        await has_started.wait()
        async with run_servers(postgres_only) as server_urls:
            is_joined.set()
            await may_leave.wait()
            await wait_for_database(server_urls)

    async def start() -> None:
        async with run_servers(postgres_only):
            has_started.set()
            await is_joined.wait()

    join_task, start_task = asyncio.create_task(join()), asyncio.create_task(start())
    await is_joined.wait()
    await asyncio.sleep(0.3)

    assert not start_task.done()
    may_leave.set()
    await join_task
    await start_task
    assert find_processes(postgres_only.data_dir / "pg", "postgres") == []


async def test_external_servers_are_used_and_none_is_started(tmp_path: Path) -> None:
    url = "postgresql://me@db.example/app"
    settings = settings_for(tmp_path / "none", DATABASE_URL=url, JWT_SECRET="x" * 32, REDIS_URL=EXTERNAL_VALKEY)

    async with run_servers(settings) as server_urls:
        assert server_urls == ServerUrls(url, url, EXTERNAL_VALKEY)

    assert not (tmp_path / "none").exists()
