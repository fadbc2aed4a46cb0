"""Backups that are complete, and restores that are all or nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from monynha.app.command_error import CommandError
from monynha.app.maintenance.backup import DUMP_FILE, MANIFEST_FILE, create_backup, restore_backup
from monynha.app.maintenance.migration import migrate
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import find_postgres, run_servers
from monynha.infra.postgres.pg_tools import PgTools

CREATED_AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
OWNER_POLICY = '"owner role: full access for migrations and triggers"'
SPECIAL_CHARACTERS = "a\ttab, a\nline, a \\. and COPY x FROM stdin;\n\\.\n ünï"


@asynccontextmanager
async def empty_database(folder: Path) -> AsyncIterator[PgTools]:
    """Run an empty database in a data folder of its own."""
    settings = Settings.read({"MONYNHA_DATA_DIR": str(folder), "REDIS_URL": "redis://none.example"})
    async with run_servers(settings) as server_urls:
        yield PgTools(find_postgres(None), server_urls.owner_url)


async def as_owner(tools: PgTools, *statements: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(tools.url)
    try:
        await connection.execute("set role monynha_owner")
        for statement in statements[:-1]:
            await connection.execute(statement)
        return await connection.fetch(statements[-1])
    finally:
        await connection.close()


def table_statements() -> tuple[str, ...]:
    """Return statements that create a table as ours are, with forced policies and rows in it."""
    return (
        "create table kept (id int primary key, text text)",
        "alter table kept enable row level security",
        "alter table kept force row level security",
        f"create policy {OWNER_POLICY} on kept for all to monynha_owner using (true) with check (true)",
        "grant select (text) on kept to monynha_app",
        f"insert into kept select n, $weird${SPECIAL_CHARACTERS}$weird$ from generate_series(1, 1000) n",
        "select",
    )


async def test_restored_database_has_the_rows_and_rights_of_the_backup(tmp_path: Path) -> None:
    async with empty_database(tmp_path / "old") as tools:
        await migrate(tools.url)
        await as_owner(tools, *table_statements())
        backed_up = await create_backup(tools, tmp_path / "backup", created_at=CREATED_AT, jwt_secret=None)
    async with empty_database(tmp_path / "new") as tools:
        restored = await restore_backup(tools, tmp_path / "backup")
        rows = await as_owner(tools, "select id, text from kept order by id")
        policies = await as_owner(tools, "select policyname, roles from pg_policies where tablename = 'kept'")
        row_security = await as_owner(tools, "select relforcerowsecurity from pg_class where relname = 'kept'")
        column_rights = await as_owner(
            tools,
            "select has_column_privilege('monynha_app', 'kept', 'text', 'select'), "
            "has_column_privilege('monynha_app', 'kept', 'id', 'select')",
        )
        has_changed = await migrate(tools.url)

    assert backed_up.tables["public.kept"] == 1000
    assert restored == backed_up
    assert [tuple(row) for row in rows] == [(n, SPECIAL_CHARACTERS) for n in range(1, 1001)]
    assert [tuple(row) for row in policies] == [
        ("owner role: full access for migrations and triggers", ["monynha_owner"])
    ]
    assert [tuple(row) for row in row_security] == [(True,)]
    assert [tuple(row) for row in column_rights] == [(True, False)]
    assert has_changed is False


@pytest.mark.parametrize(
    "change",
    [
        f"drop policy {OWNER_POLICY} on kept",
        f"alter policy {OWNER_POLICY} on kept using (id < 10)",
        f"alter policy {OWNER_POLICY} on kept to monynha_app",
        "create policy fewer on kept as restrictive using (id < 10)",
    ],
)
async def test_table_that_hides_rows_from_its_owner_is_refused(tmp_path: Path, change: str) -> None:
    """Its dump contains too few rows with exit code 0, and the count of the owner agrees with it."""
    async with empty_database(tmp_path / "data") as tools:
        await as_owner(tools, *table_statements(), change, "select")
        with pytest.raises(CommandError, match=r"public\.kept hides rows from its owner"):
            await create_backup(tools, tmp_path / "backup", created_at=CREATED_AT, jwt_secret=None)

    assert {path.name for path in tmp_path.iterdir()} == {"data"}


async def test_restore_into_a_database_with_tables_is_refused(tmp_path: Path) -> None:
    async with empty_database(tmp_path / "data") as tools:
        await as_owner(tools, *table_statements())
        await create_backup(tools, tmp_path / "backup", created_at=CREATED_AT, jwt_secret=None)
        with pytest.raises(CommandError, match="the database is not empty"):
            await restore_backup(tools, tmp_path / "backup")

        assert len(await as_owner(tools, "select id from kept")) == 1000


async def test_damaged_backup_restores_nothing(tmp_path: Path) -> None:
    async with empty_database(tmp_path / "old") as tools:
        await as_owner(tools, *table_statements())
        await create_backup(tools, tmp_path / "backup", created_at=CREATED_AT, jwt_secret=None)
    dump = tmp_path / "backup" / DUMP_FILE
    dump.write_bytes(dump.read_bytes()[:-500])
    async with empty_database(tmp_path / "new") as tools:
        with pytest.raises(CommandError, match="nothing was restored"):
            await restore_backup(tools, tmp_path / "backup")

        assert await as_owner(tools, "select from pg_tables where schemaname = 'public'") == []


async def test_backup_whose_rows_differ_from_its_manifest_is_refused(tmp_path: Path) -> None:
    async with empty_database(tmp_path / "old") as tools:
        await as_owner(tools, *table_statements())
        await create_backup(tools, tmp_path / "backup", created_at=CREATED_AT, jwt_secret=None)
    manifest = json.loads((tmp_path / "backup" / MANIFEST_FILE).read_text())
    manifest["tables"]["public.kept"] = 1001
    (tmp_path / "backup" / MANIFEST_FILE).write_text(json.dumps(manifest))
    async with empty_database(tmp_path / "new") as tools:
        with pytest.raises(CommandError, match=r"public\.kept has 1000 of 1001 rows"):
            await restore_backup(tools, tmp_path / "backup")


async def test_existing_backup_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()

    with pytest.raises(CommandError, match="exists already"):
        await create_backup(PgTools(Path(), ""), tmp_path / "backup", created_at=CREATED_AT, jwt_secret=None)


async def test_folder_that_is_not_a_backup_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is not a backup of this program"):
        await restore_backup(PgTools(Path(), ""), tmp_path)
