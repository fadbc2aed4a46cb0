"""The embedded PostgreSQL: its options, and the secrets that belong to it."""

from __future__ import annotations

import pytest

from monynha.core.errors import SettingsError
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import run_servers
from monynha.infra.embedded.stale_processes import find_processes
from tests.infra.embedded.probes import connect


async def test_database_is_in_utc_and_sorts_the_same_on_every_machine(any_postgres: Settings) -> None:
    async with run_servers(any_postgres) as server_urls, connect(server_urls.database_url) as connection:
        options = await connection.fetch(
            "select name, setting from pg_settings where name = any($1)",
            ["TimeZone", "jit", "wal_level", "listen_addresses"],
        )
        locale = await connection.fetchval(
            "select coalesce(to_jsonb(d)->>'datlocale', datcollate) from pg_database d where datname = $1",
            "monynha",
        )

    assert {row["name"]: row["setting"] for row in options} == {
        "TimeZone": "UTC",
        "jit": "off",
        "wal_level": "logical",
        "listen_addresses": "",
    }
    assert locale == "C.UTF-8"


async def test_secrets_of_another_database_are_refused(postgres_only: Settings) -> None:
    async with run_servers(postgres_only):
        pass
    (postgres_only.data_dir / "secrets.json").write_text(
        '{"jwt_secret": "a", "superuser_password": "b", "login_password": "c"}'
    )

    with pytest.raises(SettingsError, match=r"secrets\.json there does not belong to its database"):
        async with run_servers(postgres_only):
            pass
    assert find_processes(postgres_only.data_dir / "pg", "postgres") == []
