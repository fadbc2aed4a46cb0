"""Roles and logins: what each login needs, and the SQL that grants it."""

from __future__ import annotations

import asyncpg
import pytest

from monynha.core.errors import SettingsError
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls
from monynha.infra.embedded.secret_file import load_or_create_secrets
from monynha.infra.postgres.login import log_in, login_name
from monynha.infra.postgres.roles import are_ready, check_login, ensure_roles, required_roles, roles_sql

pytestmark = pytest.mark.anyio


def test_login_that_serves_and_login_that_migrates_need_different_roles() -> None:
    assert required_roles(app="web", owner="ops") == {
        "ops": ["monynha_owner", "monynha_system"],
        "web": ["monynha_app", "monynha_admin", "monynha_system"],
    }


def test_one_login_for_both_needs_all_roles() -> None:
    assert required_roles(app="one", owner="one") == {
        "one": ["monynha_owner", "monynha_app", "monynha_admin", "monynha_system"]
    }


@pytest.mark.parametrize(
    ("major", "expected", "unexpected"),
    [
        (16, 'to "we""b" with inherit false, set true;', "noinherit"),
        (15, 'alter role "we""b" noinherit;', "with inherit"),
    ],
)
def test_logins_inherit_no_role_in_any_version(major: int, expected: str, unexpected: str) -> None:
    sql = roles_sql(required_roles(app='we"b', owner="ops"), major=major)

    assert expected in sql
    assert unexpected not in sql


async def test_roles_of_a_running_database_are_ready(running_servers: ServerUrls) -> None:
    connection = await log_in(running_servers.owner_url)
    try:
        login_roles = required_roles(
            app=login_name(running_servers.database_url), owner=login_name(running_servers.owner_url)
        )
        assert await are_ready(connection, login_roles)
        await ensure_roles(connection, login_roles)
        assert not await are_ready(connection, {"nobody_by_that_name": ["monynha_app"]})
    finally:
        await connection.close()


async def test_login_without_special_rights_passes_the_check(running_servers: ServerUrls) -> None:
    connection = await log_in(running_servers.database_url)
    try:
        await check_login(connection)
    finally:
        await connection.close()


async def test_missing_grant_of_an_unprivileged_login_is_reported_with_the_sql(running_servers: ServerUrls) -> None:
    connection = await log_in(running_servers.database_url)
    try:
        with pytest.raises(
            SettingsError, match=r"(?s)DATABASE_OWNER_URL: the login may not prepare.*grant monynha_app"
        ):
            await ensure_roles(connection, {"pg_monitor": ["monynha_app"]})
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("alter role {login} superuser", "is a superuser"),
        ("alter role {login} bypassrls", "BYPASSRLS"),
        ("create table public.owned (); alter table public.owned owner to {login}", r"owns tables \(owned\)"),
        (
            "revoke monynha_app from {login}; alter role {login} inherit; grant monynha_app to {login}",
            # On PostgreSQL 15 inheritance is a property of the login: it inherits the other roles then, too.
            "inherits the rights of .*monynha_app",
        ),
    ],
)
async def test_login_that_escapes_row_level_security_is_rejected(
    settings: Settings, running_servers: ServerUrls, change: str, message: str
) -> None:
    login = login_name(running_servers.database_url)
    password = load_or_create_secrets(settings.data_dir).superuser_password
    connection = await asyncpg.connect(running_servers.owner_url, user="postgres", password=password)
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(change.format(login=login))
        await connection.execute(f"set local session authorization {login}")
        with pytest.raises(SettingsError, match=f"DATABASE_URL: the login.*{message}"):
            await check_login(connection)
    finally:
        await transaction.rollback()
        await connection.close()
