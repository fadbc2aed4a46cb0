"""Brings a database to this release: runs migrations, then applies every policy and grant anew, under one lock."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files

import asyncpg

from monynha import __version__
from monynha.core.errors import SettingsError
from monynha.core.settings.settings import Settings
from monynha.infra.postgres.login import log_in, login_name
from monynha.infra.postgres.roles import (
    OWNER_ROLE,
    SYSTEM_ROLE,
    LoginRoles,
    are_ready,
    check_login,
    ensure_roles,
    required_roles,
)

_ADVISORY_LOCK = 7_366_531_004
"""An arbitrary number: the key of the advisory lock under which one process migrates."""


async def migrate(owner_url: str, *, app_login: str | None = None) -> bool:
    """Bring the database to this release, and let `app_login` use it; return whether there was anything to do.

    Raises SettingsError if the login may not, or if the database belongs to a newer release.
    """
    connection = await log_in(owner_url, setting="DATABASE_OWNER_URL")
    try:
        needed_logins = required_roles(app=app_login, owner=await connection.fetchval("select session_user::text"))
        if await _is_up_to_date(connection, needed_logins):
            return False
        await connection.execute("select pg_advisory_lock($1)", _ADVISORY_LOCK)
        # Another process may have done the work while this one waited for the lock.
        if await _is_up_to_date(connection, needed_logins):
            return False
        await ensure_roles(connection, needed_logins)
        _refuse_newer_release(await _read_applied_release(connection, OWNER_ROLE))
        await connection.execute(f"set role {OWNER_ROLE}")
        await connection.execute(_read_package_file("monynha.infra.postgres", "schema_release.sql"))
        await _run_migrations(owner_url)
        await _apply_policies(connection)
        return True
    finally:
        await connection.close()


async def migrate_or_check(settings: Settings, database_url: str, owner_url: str) -> None:
    """Migrate if the settings allow it; otherwise raise SettingsError for a database of another release."""
    await check_database_login(database_url)
    if settings.migrate == "auto":
        await migrate(owner_url, app_login=login_name(database_url))
        await check_database_login(database_url)
        return
    if not await is_current(database_url):
        raise SettingsError(
            "DATABASE_URL: the database is not at this release, or not prepared for the login; run "
            "`monynha migrate`, or set MONYNHA_MIGRATE=auto."
        )


async def check_database_login(url: str) -> None:
    """Raise SettingsError for a login that bypasses row-level security."""
    connection = await log_in(url)
    try:
        await check_login(connection)
    finally:
        await connection.close()


async def is_current(url: str) -> bool:
    """Whether the database is at this release; raise SettingsError if it belongs to a newer one."""
    connection = await log_in(url)
    try:
        applied = await _read_applied_release(connection, SYSTEM_ROLE)
    finally:
        await connection.close()
    if applied and applied.is_this_release:
        return True
    _refuse_newer_release(applied)
    return False


def fingerprint() -> str:
    """Return a digest of all SQL that this release applies."""
    return hashlib.sha256("\x00".join([*_migration_texts(), _policies_sql()]).encode()).hexdigest()


@dataclass(frozen=True)
class _AppliedRelease:
    """The release that was applied to the database last, and the digest of its SQL."""

    release: str
    fingerprint: str

    @property
    def is_this_release(self) -> bool:
        return self.fingerprint == fingerprint()


async def _is_up_to_date(connection: asyncpg.Connection[asyncpg.Record], needed_logins: LoginRoles) -> bool:
    applied = await _read_applied_release(connection, SYSTEM_ROLE)
    return applied is not None and applied.is_this_release and await are_ready(connection, needed_logins)


async def _read_applied_release(connection: asyncpg.Connection[asyncpg.Record], role: str) -> _AppliedRelease | None:
    """Return the applied release, or None if there is none or the login cannot become the role."""
    try:
        async with connection.transaction():
            await connection.execute(f"set local role {role}")
            row = await connection.fetchrow("select release, fingerprint from monynha.schema_release")
    except (
        asyncpg.UndefinedTableError,
        asyncpg.InvalidSchemaNameError,
        asyncpg.InvalidParameterValueError,
        asyncpg.UndefinedObjectError,
        asyncpg.InsufficientPrivilegeError,
    ):
        return None
    return _AppliedRelease(**row) if row else None


def _refuse_newer_release(applied: _AppliedRelease | None) -> None:
    if applied and _version_numbers(applied.release) > _version_numbers(__version__):
        raise SettingsError(
            f"DATABASE_URL: the database belongs to release {applied.release}, this is {__version__}; an "
            "older program does not apply its policies. Start the newer release."
        )


def _version_numbers(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split(".") if part.isdigit())


async def _run_migrations(owner_url: str) -> None:
    # Imported here, since only a migration needs them and they take half a second.
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    async def connect() -> asyncpg.Connection[asyncpg.Record]:
        return await log_in(owner_url, setting="DATABASE_OWNER_URL", role=OWNER_ROLE)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    config = Config()
    config.set_main_option("script_location", str(files("monynha.migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")

    def upgrade(connection: Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    async with engine.begin() as connection:
        await connection.run_sync(upgrade)
    await engine.dispose()


async def _apply_policies(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    async with connection.transaction():
        await connection.execute(_read_package_file("monynha.migrations", "before_policies.sql"))
        await connection.execute(_policies_sql())
        await connection.execute(
            "insert into monynha.schema_release (release, fingerprint) values ($1, $2) on conflict (is_only) "
            "do update set release = excluded.release, fingerprint = excluded.fingerprint, at = now()",
            __version__,
            fingerprint(),
        )


def _policies_sql() -> str:
    from monynha.app.catalog import CATALOG, DOMAINS
    from monynha.engine.realtime.triggers import event_triggers_sql
    from monynha.engine.schema.grants import grants_sql

    domain_policies = [_read_package_file(f"monynha.domains.{name}", "policies.sql") for name in DOMAINS]
    engine_policies = _read_package_file("monynha.engine", "policies.sql")
    schedule_policies = _read_package_file("monynha.infra.schedules", "policies.sql")
    answer_size = _read_package_file("monynha.engine.query", "answer_size.sql")
    resources = CATALOG.resources.values()
    return "\n".join(
        [
            *domain_policies,
            engine_policies,
            schedule_policies,
            answer_size,
            grants_sql(resources),
            event_triggers_sql(resources),
        ]
    )


def _migration_texts() -> list[str]:
    folder = files("monynha.migrations").joinpath("sql")
    return [path.read_text() for path in sorted(folder.iterdir(), key=lambda path: path.name)]


def _read_package_file(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text()
