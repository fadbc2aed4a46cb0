"""Bringing a database to this release: once, by one process, and never back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from monynha.app.maintenance.migration import is_current, migrate, migrate_or_check
from monynha.core.errors import SettingsError
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls, run_servers

pytestmark = pytest.mark.anyio


@pytest.fixture
async def empty_database(tmp_path: Path) -> AsyncIterator[ServerUrls]:
    """The URLs of a database without any table."""
    environ = {"MONYNHA_DATA_DIR": str(tmp_path), "REDIS_URL": "redis://none.example"}
    async with run_servers(Settings.read(environ)) as server_urls:
        yield server_urls


async def execute_as_owner(server_urls: ServerUrls, statement: str) -> None:
    connection = await asyncpg.connect(server_urls.owner_url)
    try:
        await connection.execute("set role monynha_owner")
        await connection.execute(statement)
    finally:
        await connection.close()


async def test_processes_that_migrate_at_once_do_the_work_once(empty_database: ServerUrls) -> None:
    was_current = await is_current(empty_database.database_url)
    results = await asyncio.gather(*(migrate(empty_database.owner_url) for _ in range(3)))

    assert was_current is False
    assert sorted(results) == [False, False, True]
    assert await is_current(empty_database.database_url)
    assert await migrate(empty_database.owner_url) is False


async def test_changed_sql_is_applied_again(empty_database: ServerUrls) -> None:
    await migrate(empty_database.owner_url)
    await execute_as_owner(empty_database, "update monynha.schema_release set fingerprint = 'of another build'")

    assert not await is_current(empty_database.database_url)
    assert await migrate(empty_database.owner_url) is True


@pytest.mark.parametrize("migrate_setting", ["auto", "manual"])
async def test_database_of_a_newer_release_is_refused(empty_database: ServerUrls, migrate_setting: str) -> None:
    await migrate(empty_database.owner_url)
    await execute_as_owner(
        empty_database, "update monynha.schema_release set release = '99.0.0', fingerprint = 'newer'"
    )
    settings = replace(Settings.read({}), migrate=migrate_setting)

    with pytest.raises(SettingsError, match=r"^DATABASE_URL: the database belongs to release 99\.0\.0, this is "):
        await migrate_or_check(settings, empty_database.database_url, empty_database.owner_url)


async def test_database_that_is_not_migrated_is_refused_when_migrations_are_manual(
    empty_database: ServerUrls,
) -> None:
    settings = replace(Settings.read({}), migrate="manual")

    with pytest.raises(SettingsError, match=r"^DATABASE_URL: the database is not at this release"):
        await migrate_or_check(settings, empty_database.database_url, empty_database.owner_url)
