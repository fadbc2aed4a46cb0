"""The login and the database that a new cluster gets."""

from __future__ import annotations

import asyncpg
import pytest

from monynha.core.settings.settings import Settings
from monynha.infra.embedded import run_servers
from tests.infra.embedded.probes import connect


async def test_login_may_set_its_roles_and_inherits_none_of_them(any_postgres: Settings) -> None:
    async with run_servers(any_postgres) as server_urls, connect(server_urls.database_url) as connection:
        role_attributes = await connection.fetch(
            "select rolsuper, rolbypassrls, rolinherit, rolcreaterole from pg_roles where rolname = $1",
            "monynha",
        )
        await connection.execute("set role monynha_owner; create table secret (); reset role")
        for role in ("monynha_app", "monynha_admin", "monynha_system", "monynha_owner"):
            await connection.execute(f"set role {role}; reset role")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("select from secret")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("set role postgres")

    assert [tuple(row) for row in role_attributes] == [(False, False, False, False)]


async def test_database_is_closed_to_other_logins(postgres_only: Settings) -> None:
    async with run_servers(postgres_only) as server_urls, connect(server_urls.database_url) as connection:
        assert await connection.fetchval("select has_database_privilege('monynha', 'monynha', 'temporary')")
        assert not await connection.fetchval("select has_database_privilege('public', 'monynha', 'connect')")
