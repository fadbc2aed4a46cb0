"""The roles, the login and the database inside a new cluster."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from monynha.infra.embedded.secret_file import Secrets

if TYPE_CHECKING:
    import asyncpg

_GRANT_OPTIONS_SINCE = 16


async def bootstrap(sockets: Path, secrets: Secrets, major: int) -> None:
    """Make what is missing; each start does so, since the one before may have been killed in between."""
    import asyncpg

    keeper = await asyncpg.connect(
        host=str(sockets), user="postgres", password=secrets.superuser_password, database="postgres"
    )
    try:
        await keeper.execute(files("monynha.infra.postgres").joinpath("roles.sql").read_text())
        await _make_login(keeper, secrets.login_password, major)
        # The last step: who finds the database finds all the rest.
        if not await keeper.fetchval("select exists (select from pg_database where datname = 'monynha')"):
            await keeper.execute("create database monynha owner monynha_owner")
            await keeper.execute("revoke all on database monynha from public")
        await keeper.execute("grant connect, temporary on database monynha to monynha")
    finally:
        await keeper.close()


async def _make_login(keeper: asyncpg.Connection, password: str, major: int) -> None:
    """The login may become the roles and is none of them by itself."""
    if not await keeper.fetchval("select exists (select from pg_roles where rolname = 'monynha')"):
        await keeper.execute("create role monynha nologin")
    quoted = await keeper.fetchval("select quote_literal($1::text)", password)
    nothing = "nosuperuser nobypassrls nocreatedb nocreaterole noreplication noinherit"
    await keeper.execute(f"alter role monynha login {nothing} password {quoted}")
    # From 16 on inheriting is stored with the grant, and `noinherit` of the role leaks.
    how = " with inherit false, set true" if major >= _GRANT_OPTIONS_SINCE else ""
    await keeper.execute(f"grant monynha_owner, monynha_app, monynha_admin, monynha_system to monynha{how}")
