"""Backups that are whole, and restores that are all or nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from monynha.app.backup import DUMP, MANIFEST, back_up, restore
from monynha.app.migrate import migrate
from monynha.app.refused import Refused
from monynha.core.settings import Settings
from monynha.infra.embedded import find_postgres, servers
from monynha.infra.postgres.tools import Tools

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEEPS_HOUSE = '"the owner keeps house"'
WEIRD = "a\ttab, a\nline, a \\. and COPY x FROM stdin;\n\\.\n ünï"


@asynccontextmanager
async def place(folder: Path) -> AsyncIterator[Tools]:
    """An empty database in a data folder of its own."""
    settings = Settings.read({"MONYNHA_DATA_DIR": str(folder), "REDIS_URL": "redis://none.example"})
    async with servers(settings) as found:
        yield Tools(find_postgres(None), found.owner_url)


async def as_owner(tools: Tools, *statements: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(tools.url)
    try:
        await connection.execute("set role monynha_owner")
        for statement in statements[:-1]:
            await connection.execute(statement)
        return await connection.fetch(statements[-1])
    finally:
        await connection.close()


def fill() -> tuple[str, ...]:
    """Statements that make a table as ours are, forced policies and all, with rows in it."""
    return (
        "create table kept (id int primary key, text text)",
        "alter table kept enable row level security",
        "alter table kept force row level security",
        f"create policy {KEEPS_HOUSE} on kept for all to monynha_owner using (true) with check (true)",
        "grant select (text) on kept to monynha_app",
        f"insert into kept select n, $weird${WEIRD}$weird$ from generate_series(1, 1000) n",
        "select",
    )


async def test_what_was_backed_up_comes_back_with_its_rights(tmp_path: Path) -> None:
    async with place(tmp_path / "old") as tools:
        await migrate(tools.url)
        await as_owner(tools, *fill())
        made = await back_up(tools, tmp_path / "backup", at=NOW, jwt_secret=None)
    async with place(tmp_path / "new") as tools:
        found = await restore(tools, tmp_path / "backup")
        rows = await as_owner(tools, "select id, text from kept order by id")
        policies = await as_owner(tools, "select policyname, roles from pg_policies where tablename = 'kept'")
        forced = await as_owner(tools, "select relforcerowsecurity from pg_class where relname = 'kept'")
        may_read = await as_owner(
            tools,
            "select has_column_privilege('monynha_app', 'kept', 'text', 'select'), "
            "has_column_privilege('monynha_app', 'kept', 'id', 'select')",
        )
        has_changed = await migrate(tools.url)

    assert made.tables["public.kept"] == 1000
    assert found == made
    assert [tuple(row) for row in rows] == [(n, WEIRD) for n in range(1, 1001)]
    assert [tuple(row) for row in policies] == [("the owner keeps house", ["monynha_owner"])]
    assert [tuple(row) for row in forced] == [(True,)]
    assert [tuple(row) for row in may_read] == [(True, False)]
    assert has_changed is False


@pytest.mark.parametrize(
    "change",
    [
        f"drop policy {KEEPS_HOUSE} on kept",
        f"alter policy {KEEPS_HOUSE} on kept using (id < 10)",
        f"alter policy {KEEPS_HOUSE} on kept to monynha_app",
        "create policy fewer on kept as restrictive using (id < 10)",
    ],
)
async def test_a_table_that_hides_rows_from_its_owner_is_not_taken_for_empty(
    tmp_path: Path, change: str
) -> None:
    """A dump of it holds too few rows with exit code 0, and counting them as the owner finds as few."""
    async with place(tmp_path / "data") as tools:
        await as_owner(tools, *fill(), change, "select")
        with pytest.raises(Refused, match=r"public\.kept hides rows from its owner"):
            await back_up(tools, tmp_path / "backup", at=NOW, jwt_secret=None)

    assert {path.name for path in tmp_path.iterdir()} == {"data"}


async def test_a_restore_into_a_database_with_tables_is_refused(tmp_path: Path) -> None:
    async with place(tmp_path / "data") as tools:
        await as_owner(tools, *fill())
        await back_up(tools, tmp_path / "backup", at=NOW, jwt_secret=None)
        with pytest.raises(Refused, match="the database is not empty"):
            await restore(tools, tmp_path / "backup")

        assert len(await as_owner(tools, "select id from kept")) == 1000


async def test_a_damaged_backup_restores_nothing(tmp_path: Path) -> None:
    async with place(tmp_path / "old") as tools:
        await as_owner(tools, *fill())
        await back_up(tools, tmp_path / "backup", at=NOW, jwt_secret=None)
    dump = tmp_path / "backup" / DUMP
    dump.write_bytes(dump.read_bytes()[:-500])
    async with place(tmp_path / "new") as tools:
        with pytest.raises(Refused, match="nothing was restored"):
            await restore(tools, tmp_path / "backup")

        assert await as_owner(tools, "select from pg_tables where schemaname = 'public'") == []


async def test_a_backup_with_other_numbers_than_it_tells_is_refused(tmp_path: Path) -> None:
    async with place(tmp_path / "old") as tools:
        await as_owner(tools, *fill())
        await back_up(tools, tmp_path / "backup", at=NOW, jwt_secret=None)
    told = json.loads((tmp_path / "backup" / MANIFEST).read_text())
    told["tables"]["public.kept"] = 1001
    (tmp_path / "backup" / MANIFEST).write_text(json.dumps(told))
    async with place(tmp_path / "new") as tools:
        with pytest.raises(Refused, match=r"public\.kept has 1000 of 1001 rows"):
            await restore(tools, tmp_path / "backup")


async def test_an_older_backup_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()

    with pytest.raises(Refused, match="is there already"):
        await back_up(Tools(Path(), ""), tmp_path / "backup", at=NOW, jwt_secret=None)


async def test_a_folder_that_is_no_backup_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="is no backup of this program"):
        await restore(Tools(Path(), ""), tmp_path)
