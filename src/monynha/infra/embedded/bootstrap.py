"""Creates the roles, the login and the database of the program in a cluster."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from monynha.infra.embedded.secret_file import GeneratedSecrets

if TYPE_CHECKING:
    import asyncpg

_GRANT_OPTIONS_SINCE_MAJOR = 16


async def bootstrap_database(socket_dir: Path, secrets: GeneratedSecrets, major: int) -> None:
    """Create what is missing, at every start: the one before may have been killed half way."""
    import asyncpg

    superuser = await asyncpg.connect(
        host=str(socket_dir), user="postgres", password=secrets.superuser_password, database="postgres"
    )
    try:
        await superuser.execute(files("monynha.infra.postgres").joinpath("roles.sql").read_text())
        await _create_login(superuser, secrets.login_password, major)
        # The last step: where the database exists, all the rest does.
        if not await superuser.fetchval("select exists (select from pg_database where datname = 'monynha')"):
            await superuser.execute("create database monynha owner monynha_owner")
            await superuser.execute("revoke all on database monynha from public")
        await superuser.execute("grant connect, temporary on database monynha to monynha")
    finally:
        await superuser.close()


async def _create_login(superuser: asyncpg.Connection, password: str, major: int) -> None:
    """Create the login, which may `set role` to each role and inherits none."""
    if not await superuser.fetchval("select exists (select from pg_roles where rolname = 'monynha')"):
        await superuser.execute("create role monynha nologin")
    quoted_password = await superuser.fetchval("select quote_literal($1::text)", password)
    attributes = "nosuperuser nobypassrls nocreatedb nocreaterole noreplication noinherit"
    await superuser.execute(f"alter role monynha login {attributes} password {quoted_password}")
    # Since PostgreSQL 16 each grant has its own inherit option, and `noinherit` of the role is only its default.
    grant_options = " with inherit false, set true" if major >= _GRANT_OPTIONS_SINCE_MAJOR else ""
    await superuser.execute(
        f"grant monynha_owner, monynha_app, monynha_admin, monynha_system to monynha{grant_options}"
    )
