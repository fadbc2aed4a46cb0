"""Brings a database to this release: migrations, then every policy and grant anew, under one lock."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import asyncpg

from monynha import __version__
from monynha.core.errors import WrongSetting
from monynha.core.settings import Settings
from monynha.infra.postgres.login import log_in, login_of
from monynha.infra.postgres.roles import (
    OWNER_ROLE,
    SYSTEM_ROLE,
    Logins,
    are_ready,
    check_login,
    ensure_roles,
    logins,
)

_LOCK = 7_366_531_004
"""Any number, the same everywhere: the advisory lock under which one process migrates."""


async def migrate(owner_url: str, *, app: str | None = None) -> bool:
    """Bring the database to this release for the login `app`; return whether anything was to do."""
    connection = await log_in(owner_url, setting="DATABASE_OWNER_URL")
    try:
        needed = logins(app=app, owner=await connection.fetchval("select session_user::text"))
        if await _is_done(connection, needed):
            return False
        await connection.execute("select pg_advisory_lock($1)", _LOCK)
        # Whoever waited for the lock may find the work done.
        if await _is_done(connection, needed):
            return False
        await ensure_roles(connection, needed)
        _refuse_newer(await _applied(connection, OWNER_ROLE))
        await connection.execute(f"set role {OWNER_ROLE}")
        await connection.execute(_packaged("monynha.infra.postgres", "prepare.sql"))
        await _upgrade(owner_url)
        await _apply_policies(connection)
        return True
    finally:
        await connection.close()


async def bring_up(settings: Settings, database_url: str, owner_url: str) -> None:
    """Migrate where the settings allow it; else refuse a database of another release."""
    await check(database_url)
    if settings.migrate == "auto":
        await migrate(owner_url, app=login_of(database_url))
        await check(database_url)
        return
    if not await is_current(database_url):
        raise WrongSetting(
            "DATABASE_URL: the database is not at this release, or not prepared for the login; run "
            "`monynha migrate`, or set MONYNHA_MIGRATE=auto."
        )


async def check(url: str) -> None:
    """Refuse a login that row-level security would not hold (WrongSetting)."""
    connection = await log_in(url)
    try:
        await check_login(connection)
    finally:
        await connection.close()


async def is_current(url: str) -> bool:
    """Whether the database holds what this release applies; a newer release's is refused (WrongSetting)."""
    connection = await log_in(url)
    try:
        applied = await _applied(connection, SYSTEM_ROLE)
    finally:
        await connection.close()
    if applied and applied.is_ours:
        return True
    _refuse_newer(applied)
    return False


def fingerprint() -> str:
    """Return a digest of all SQL that this release applies."""
    return hashlib.sha256("\x00".join([*_migrations(), _policies()]).encode()).hexdigest()


@dataclass(frozen=True)
class _Applied:
    """What a release left in the database as the last thing it did."""

    release: str
    fingerprint: str

    @property
    def is_ours(self) -> bool:
        return self.fingerprint == fingerprint()


async def _is_done(connection: asyncpg.Connection[Any], needed: Logins) -> bool:
    applied = await _applied(connection, SYSTEM_ROLE)
    return applied is not None and applied.is_ours and await are_ready(connection, needed)


async def _applied(connection: asyncpg.Connection[Any], role: str) -> _Applied | None:
    """Return what was applied, None where nothing was or the login cannot become the role."""
    try:
        async with connection.transaction():
            await connection.execute(f"set local role {role}")
            row = await connection.fetchrow("select release, fingerprint from monynha.applied")
    except (
        asyncpg.UndefinedTableError,
        asyncpg.InvalidSchemaNameError,
        asyncpg.InvalidParameterValueError,
        asyncpg.UndefinedObjectError,
        asyncpg.InsufficientPrivilegeError,
    ):
        return None
    return row and _Applied(**row)


def _refuse_newer(applied: _Applied | None) -> None:
    if applied and _number(applied.release) > _number(__version__):
        raise WrongSetting(
            f"DATABASE_URL: the database belongs to release {applied.release}, this is {__version__}; an "
            "older program does not apply its policies. Start the newer release."
        )


def _number(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split(".") if part.isdigit())


async def _upgrade(owner_url: str) -> None:
    # Imported here: only a migration needs them, and they cost half a second.
    from alembic import command
    from alembic.config import Config
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    async def connect() -> asyncpg.Connection[Any]:
        return await log_in(owner_url, setting="DATABASE_OWNER_URL", role=OWNER_ROLE)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    config = Config()
    config.set_main_option("script_location", str(files("monynha.migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")

    def upgrade(connection: Any) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    async with engine.begin() as connection:
        await connection.run_sync(upgrade)
    await engine.dispose()


async def _apply_policies(connection: asyncpg.Connection[Any]) -> None:
    async with connection.transaction():
        await connection.execute(_packaged("monynha.migrations", "before_policies.sql"))
        await connection.execute(_policies())
        await connection.execute(
            "insert into monynha.applied (release, fingerprint) values ($1, $2) on conflict (is_only) "
            "do update set release = excluded.release, fingerprint = excluded.fingerprint, at = now()",
            __version__,
            fingerprint(),
        )


def _policies() -> str:
    from monynha.app.catalog import CATALOG, DOMAINS
    from monynha.engine.grants import grants_sql
    from monynha.engine.hearing import hearing_sql

    own = [_packaged(f"monynha.domains.{name}", "policies.sql") for name in DOMAINS]
    engine = _packaged("monynha.engine", "policies.sql")
    resources = CATALOG.resources.values()
    return "\n".join([*own, engine, grants_sql(resources), hearing_sql(resources)])


def _migrations() -> list[str]:
    folder = files("monynha.migrations").joinpath("sql")
    return [one.read_text() for one in sorted(folder.iterdir(), key=lambda one: one.name)]


def _packaged(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text()
