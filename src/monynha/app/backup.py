"""Backups: a folder with all rows, and with how many there are, so that nobody trusts an empty one."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg

from monynha import __version__
from monynha.app.refused import Refused
from monynha.infra.postgres.login import log_in
from monynha.infra.postgres.roles import OWNER_ROLE, ensure_roles, logins
from monynha.infra.postgres.tools import ToolFailed, Tools

DUMP = "database.dump"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """What a backup holds."""

    release: str
    made_at: str
    tables: dict[str, int]
    jwt_secret: str | None  # the one the program made for itself: without it every key and session would end

    @property
    def rows(self) -> int:
        """How many rows there are in all."""
        return sum(self.tables.values())


async def back_up(tools: Tools, place: Path, *, at: datetime, jwt_secret: str | None) -> Manifest:
    """Write everything in the database to a new folder, and read it back before it gets its name."""
    if place.exists():
        raise Refused(f"{place} is there already")
    draft = place.with_name(f"{place.name}.partial")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700, parents=True)
        tables = await _dump(tools, draft / DUMP)
        found = await _rows_in(tools, draft / DUMP)
        if found != tables:
            raise Refused(f"the backup is not whole: {_difference(tables, found)}")
        manifest = Manifest(__version__, at.isoformat(timespec="seconds"), tables, jwt_secret)
        (draft / MANIFEST).write_text(json.dumps(asdict(manifest), indent=2))
        draft.rename(place)
    except OSError as cause:
        raise Refused(f"{place} cannot be written: {cause.strerror}") from cause
    except ToolFailed as cause:
        raise Refused(f"the backup failed: {cause}") from cause
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return manifest


async def restore(tools: Tools, place: Path) -> Manifest:
    """Put a backup into an empty database, all or nothing, and count what has come."""
    manifest = read_manifest(place)
    connection = await log_in(tools.url, setting="DATABASE_OWNER_URL")
    try:
        if await connection.fetchval(_ANY_TABLE):
            raise Refused("the database is not empty; restore into a new --data-dir or a new database")
        await ensure_roles(connection, logins(owner=await connection.fetchval("select session_user::text")))
        await tools.run(
            "pg_restore", "--no-owner", "--single-transaction", "--exit-on-error", str(place / DUMP)
        )
        await connection.execute(f"set role {OWNER_ROLE}")
        found = await count_rows(connection)
        if found != manifest.tables:
            raise Refused(f"the database is not as it was: {_difference(manifest.tables, found)}")
        await connection.execute("analyze")
    except ToolFailed as cause:
        raise Refused(f"nothing was restored: {cause}") from cause
    finally:
        await connection.close()
    return manifest


def read_manifest(place: Path) -> Manifest:
    """What the backup in this folder holds."""
    try:
        return Manifest(**json.loads((place / MANIFEST).read_text()))
    except (OSError, ValueError, TypeError) as cause:
        raise Refused(f"{place} is no backup of this program") from cause


async def count_rows(connection: asyncpg.Connection[Any]) -> dict[str, int]:
    """The number of rows of each table, as their owner sees them: all."""
    if hiding := await connection.fetchval(_HIDING):
        raise Refused(f"{hiding} hides rows from its owner, so that nobody could tell whether all are there")
    names = [row["name"] for row in await connection.fetch(_TABLES)]
    return {name: await connection.fetchval(f"select count(*) from {name}") for name in names}


async def _dump(tools: Tools, path: Path) -> dict[str, int]:
    """Dump and count within one snapshot, so that both see the same rows whatever is written meanwhile."""
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


async def _rows_in(tools: Tools, path: Path) -> dict[str, int]:
    """The number of rows of each table in a dump."""
    found: Counter[str] = Counter()
    table = ""
    async for line in tools.lines("pg_restore", "--data-only", "--file=-", str(path)):
        if table and line == b"\\.\n":
            table = ""
        elif table:
            found[table] += 1
        elif begun := re.match(rb"COPY (\S+) .*FROM stdin;\n", line):
            table = begun[1].decode()
            found[table] = 0
    return dict(found)


def _difference(expected: dict[str, int], found: dict[str, int]) -> str:
    names = sorted(name for name in expected | found if expected.get(name) != found.get(name))
    return ", ".join(f"{name} has {found.get(name)} of {expected.get(name)} rows" for name in names[:3])


_TABLES = """
    select format('%I.%I', n.nspname, c.relname) as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    order by 1
"""
# Counting as the owner proves nothing where a policy narrows what the owner sees.
_HIDING = f"""
    select min(name) from ({_TABLES}) as t join pg_class c on c.oid = t.name::regclass
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
_ANY_TABLE = f"select exists ({_TABLES})"
