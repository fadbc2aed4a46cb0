"""Backups: a folder with a dump and the number of rows of each table, verified when written and when restored."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import asyncpg

from monynha import __version__
from monynha.app.command_error import CommandError
from monynha.infra.postgres.login import log_in
from monynha.infra.postgres.pg_tools import PgToolError, PgTools
from monynha.infra.postgres.roles import OWNER_ROLE, ensure_roles, required_roles

DUMP_FILE = "database.dump"
MANIFEST_FILE = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """What a backup contains."""

    release: str
    made_at: str
    tables: dict[str, int]
    jwt_secret: str | None  # the generated one, without which all keys and sessions would end

    @property
    def rows(self) -> int:
        """The number of rows of all tables."""
        return sum(self.tables.values())


async def create_backup(tools: PgTools, target: Path, *, created_at: datetime, jwt_secret: str | None) -> Manifest:
    """Write the whole database to a new folder, and count the rows of the dump before the folder gets its name.

    Raises CommandError if it cannot be written or is incomplete; then nothing is left behind.
    """
    if target.exists():
        raise CommandError(f"{target} exists already")
    draft = target.with_name(f"{target.name}.partial")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700, parents=True)
        tables = await _dump_database(tools, draft / DUMP_FILE)
        dumped = await _count_dumped_rows(tools, draft / DUMP_FILE)
        if dumped != tables:
            raise CommandError(f"the backup is incomplete: {_describe_difference(tables, dumped)}")
        manifest = Manifest(__version__, created_at.isoformat(timespec="seconds"), tables, jwt_secret)
        (draft / MANIFEST_FILE).write_text(json.dumps(asdict(manifest), indent=2))
        draft.rename(target)
    except OSError as error:
        raise CommandError(f"{target} cannot be written: {error.strerror}") from error
    except PgToolError as error:
        raise CommandError(f"the backup failed: {error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return manifest


async def restore_backup(tools: PgTools, source: Path) -> Manifest:
    """Restore a backup into an empty database in one transaction, and count the rows.

    Raises CommandError if the database is not empty, or the backup damaged.
    """
    manifest = read_manifest(source)
    connection = await log_in(tools.url, setting="DATABASE_OWNER_URL")
    try:
        if await connection.fetchval(_HAS_TABLES_SQL):
            raise CommandError("the database is not empty; restore into a new --data-dir or a new database")
        await ensure_roles(connection, required_roles(owner=await connection.fetchval("select session_user::text")))
        await tools.run("pg_restore", "--no-owner", "--single-transaction", "--exit-on-error", str(source / DUMP_FILE))
        await connection.execute(f"set role {OWNER_ROLE}")
        restored = await count_rows(connection)
        if restored != manifest.tables:
            raise CommandError(
                f"the restored database differs from the backup: {_describe_difference(manifest.tables, restored)}"
            )
        await connection.execute("analyze")
    except PgToolError as error:
        raise CommandError(f"nothing was restored: {error}") from error
    finally:
        await connection.close()
    return manifest


def read_manifest(source: Path) -> Manifest:
    """Return the manifest of a backup; raise CommandError if the folder is not a backup."""
    try:
        return Manifest(**json.loads((source / MANIFEST_FILE).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise CommandError(f"{source} is not a backup of this program") from error


async def count_rows(connection: asyncpg.Connection[asyncpg.Record]) -> dict[str, int]:
    """Return the number of rows of each table, as seen by the owner; raise CommandError if a policy hides some."""
    if hiding_table := await connection.fetchval(_TABLE_HIDING_ROWS_SQL):
        raise CommandError(f"{hiding_table} hides rows from its owner, so a backup of it would be incomplete")
    names = [row["name"] for row in await connection.fetch(_TABLES_SQL)]
    return {name: await connection.fetchval(f"select count(*) from {name}") for name in names}


async def _dump_database(tools: PgTools, path: Path) -> dict[str, int]:
    """Dump the database and count its rows in one snapshot, so that both see the same rows."""
    connection = await log_in(tools.url, setting="DATABASE_OWNER_URL")
    try:
        await connection.execute(f"set role {OWNER_ROLE}")
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            snapshot = await connection.fetchval("select pg_export_snapshot()")
            tables = await count_rows(connection)
            options = ("--format=custom", "--enable-row-security", f"--snapshot={snapshot}", f"--file={path}")
            await tools.run("pg_dump", *options)
            return tables
    finally:
        await connection.close()


async def _count_dumped_rows(tools: PgTools, path: Path) -> dict[str, int]:
    """Return the number of rows of each table in a dump."""
    counts: Counter[str] = Counter()
    table = ""
    async for line in tools.stream_lines("pg_restore", "--data-only", "--file=-", str(path)):
        if table and line == b"\\.\n":
            table = ""
        elif table:
            counts[table] += 1
        elif copy_start := re.match(rb"COPY (\S+) .*FROM stdin;\n", line):
            table = copy_start[1].decode()
            counts[table] = 0
    return dict(counts)


def _describe_difference(expected: dict[str, int], actual: dict[str, int]) -> str:
    names = sorted(name for name in expected | actual if expected.get(name) != actual.get(name))
    return ", ".join(f"{name} has {actual.get(name)} of {expected.get(name)} rows" for name in names[:3])


_TABLES_SQL = """
    select format('%I.%I', n.nspname, c.relname) as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    order by 1
"""
# The count of the owner proves nothing for a table whose policies hide rows from the owner.
_TABLE_HIDING_ROWS_SQL = f"""
    select min(name) from ({_TABLES_SQL}) as t join pg_class c on c.oid = t.name::regclass
    where c.relrowsecurity and c.relforcerowsecurity and (
      not exists (
        select from pg_policy p
        where p.polrelid = c.oid and p.polpermissive and p.polcmd in ('*', 'r')
          and '{OWNER_ROLE}'::regrole = any (p.polroles) and pg_get_expr(p.polqual, p.polrelid) = 'true'
      )
      or exists (
        select from pg_policy p
        where p.polrelid = c.oid and not p.polpermissive and p.polcmd in ('*', 'r')
          and p.polroles && array['{OWNER_ROLE}'::regrole::oid, 0]
      )
    )
"""
_HAS_TABLES_SQL = f"select exists ({_TABLES_SQL})"
