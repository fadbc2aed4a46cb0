"""Brings a database to this release: migrations, then every policy and grant anew, under one lock."""

from __future__ import annotations

import hashlib
from getpass import getuser
from importlib.resources import files
from typing import Any
from urllib.parse import unquote, urlsplit

import asyncpg

from monynha import __version__
from monynha.core.errors import WrongSetting
from monynha.core.settings import Settings
from monynha.infra.postgres.roles import OWNER_ROLE, check_login, ensure_roles

_LOCK = 7_366_531_004
"""Any number, the same everywhere: the advisory lock under which one process migrates."""


async def migrate(owner_url: str, *, logins: tuple[str, ...] = ()) -> bool:
    """Bring the database to this release and return whether anything was to do."""
    connection = await _connect(owner_url)
    try:
        if await _applied(connection) == fingerprint():
            return False
        login = await connection.fetchval("select session_user::text")
        await ensure_roles(connection, (*logins, login))
        await connection.execute("select pg_advisory_lock($1)", _LOCK)
        # Whoever waited for the lock may find the work done.
        if await _applied(connection) == fingerprint():
            return False
        await connection.execute(f"set role {OWNER_ROLE}")
        await _refuse_newer(connection)
        await connection.execute(_packaged("monynha.infra.postgres", "prepare.sql"))
        await _upgrade(owner_url)
        await _apply_policies(connection)
        return True
    finally:
        await connection.close()


async def bring_up(settings: Settings, database_url: str, owner_url: str) -> None:
    """Migrate where the settings allow it; else refuse a database of another release."""
    if settings.migrate == "auto":
        await migrate(owner_url, logins=(login_of(database_url),))
    elif not await is_current(database_url):
        raise WrongSetting(
            "DATABASE_URL: the database is not at this release; run `monynha migrate`, "
            "or set MONYNHA_MIGRATE=auto."
        )
    await check(database_url)


def login_of(url: str) -> str:
    """Return who logs in by that URL."""
    return unquote(urlsplit(url).username or getuser())


async def check(url: str) -> None:
    """Refuse a login that row-level security would not hold (WrongSetting)."""
    connection = await _connect(url)
    try:
        await check_login(connection)
    finally:
        await connection.close()


async def is_current(url: str) -> bool:
    """Whether the database holds what this release applies."""
    connection = await _connect(url)
    try:
        return await _applied(connection) == fingerprint()
    finally:
        await connection.close()


def fingerprint() -> str:
    """Return a digest of all SQL that this release applies."""
    return hashlib.sha256("\x00".join([*_migrations(), _policies()]).encode()).hexdigest()


async def _connect(url: str) -> asyncpg.Connection[Any]:
    try:
        return await asyncpg.connect(url, timeout=10, server_settings={"timezone": "UTC"})
    except (OSError, TimeoutError, asyncpg.PostgresError, ValueError) as error:
        reason = (
            "refuses the login"
            if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError)
            else "does not answer"
        )
        raise WrongSetting(f"DATABASE_URL: the database {reason}.") from None


async def _applied(connection: asyncpg.Connection[Any]) -> str | None:
    try:
        async with connection.transaction():
            await connection.execute("set local role monynha_system")
            found: str | None = await connection.fetchval("select fingerprint from monynha.applied")
            return found
    except (
        asyncpg.UndefinedTableError,
        asyncpg.InvalidSchemaNameError,
        asyncpg.InvalidParameterValueError,
        asyncpg.UndefinedObjectError,
        asyncpg.InsufficientPrivilegeError,
    ):
        return None


async def _refuse_newer(connection: asyncpg.Connection[Any]) -> None:
    if await connection.fetchval("select to_regclass('monynha.applied')") is None:
        return
    release: str | None = await connection.fetchval("select release from monynha.applied")
    if release is not None and _number(release) > _number(__version__):
        raise WrongSetting(
            f"DATABASE_URL: the database belongs to release {release}, this is {__version__}; an older "
            "program does not apply its policies. Start the newer release."
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
        return await asyncpg.connect(owner_url, server_settings={"role": OWNER_ROLE, "timezone": "UTC"})

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
