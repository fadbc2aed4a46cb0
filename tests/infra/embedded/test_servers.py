"""The embedded servers: made, joined, stopped."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest

from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls, run_servers, with_jwt_secret
from monynha.infra.embedded.stale_processes import find_processes
from tests.infra.embedded.probes import (
    EXTERNAL_VALKEY,
    connect,
    postmaster_pid,
    settings_for,
    valkey_command,
    wait_for_database,
)


async def test_a_first_start_makes_both_servers_and_a_later_one_finds_what_was_kept(tmp_path: Path) -> None:
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


async def test_the_login_may_become_the_three_roles_and_is_none_of_them(any_postgres: Settings) -> None:
    async with run_servers(any_postgres) as server_urls, connect(server_urls.database_url) as connection:
        role_attributes = await connection.fetch(
            "select rolsuper, rolbypassrls, rolinherit, rolcreaterole from pg_roles where rolname = $1",
            "monynha",
        )
        await connection.execute("set role monynha_owner; create table secret (); reset role")
        for role in ("monynha_app", "monynha_system", "monynha_owner"):
            await connection.execute(f"set role {role}; reset role")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("select from secret")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("set role postgres")

    assert [tuple(row) for row in role_attributes] == [(False, False, False, False)]


async def test_the_database_counts_in_utc_and_sorts_the_same_on_every_machine(
    any_postgres: Settings,
) -> None:
    async with run_servers(any_postgres) as server_urls, connect(server_urls.database_url) as connection:
        options = await connection.fetch(
            "select name, setting from pg_settings where name = any($1)",
            ["TimeZone", "jit", "wal_level", "listen_addresses"],
        )
        locale = await connection.fetchval(
            "select coalesce(to_jsonb(d)->>'datlocale', datcollate) from pg_database d where datname = $1",
            "monynha",
        )

    assert {row["name"]: row["setting"] for row in options} == {
        "TimeZone": "UTC",
        "jit": "off",
        "wal_level": "logical",
        "listen_addresses": "",
    }
    assert locale == "C.UTF-8"


async def test_a_command_joins_the_servers_that_run(postgres_only: Settings) -> None:
    async with run_servers(postgres_only) as first:
        before = postmaster_pid(postgres_only)
        async with run_servers(postgres_only) as second, connect(second.database_url):
            assert postmaster_pid(postgres_only) == before

        assert first == second
        await wait_for_database(first)


async def test_the_servers_stay_until_the_last_who_joined_is_done(postgres_only: Settings) -> None:
    is_joined, may_leave = asyncio.Event(), asyncio.Event()

    async def joiner(started: asyncio.Event) -> None:
        await started.wait()
        async with run_servers(postgres_only) as server_urls:
            is_joined.set()
            await may_leave.wait()
            await wait_for_database(server_urls)

    has_started = asyncio.Event()
    join_task = asyncio.create_task(joiner(has_started))

    async def keeper() -> None:
        async with run_servers(postgres_only):
            has_started.set()
            await is_joined.wait()

    keep_task = asyncio.create_task(keeper())
    await is_joined.wait()
    await asyncio.sleep(0.3)

    assert not keep_task.done()
    may_leave.set()
    await join_task
    await keep_task
    assert find_processes(postgres_only.data_dir / "pg", "postgres") == []


async def test_a_path_too_long_for_a_socket_gets_a_short_place(tmp_path: Path) -> None:
    settings = settings_for(tmp_path / ("long" * 30), REDIS_URL=EXTERNAL_VALKEY)

    async with run_servers(settings) as server_urls:
        await wait_for_database(server_urls)

    assert "host=/tmp/monynha-" in server_urls.database_url


def test_made_secrets_are_for_their_owner_only_and_stay(tmp_path: Path) -> None:
    first = with_jwt_secret(settings_for(tmp_path))
    second = with_jwt_secret(settings_for(tmp_path))

    assert len(first.jwt_secret) == 64
    assert first == second
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600


async def test_servers_that_are_given_are_taken_and_none_is_started(tmp_path: Path) -> None:
    url = "postgresql://me@db.example/app"
    settings = settings_for(tmp_path / "none", DATABASE_URL=url, JWT_SECRET="x" * 32, REDIS_URL=EXTERNAL_VALKEY)

    async with run_servers(settings) as server_urls:
        assert server_urls == ServerUrls(url, url, EXTERNAL_VALKEY)

    assert not (tmp_path / "none").exists()
