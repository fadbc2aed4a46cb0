"""What the doctor says of settings, before it looks at any server."""

from __future__ import annotations

from pathlib import Path

import pytest

from monynha.app.examination import examine
from monynha.core.settings import Settings
from monynha.infra.embedded import Servers

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("program")]

GOOD = "f3a9c1d27b604e58a9d0b1c2e3f40516"


def given(running_servers: Servers, **environ: str) -> Settings:
    """Return settings of somebody who named the servers that run."""
    urls = {"DATABASE_URL": running_servers.database_url, "REDIS_URL": running_servers.redis_url}
    return Settings.read({**urls, "JWT_SECRET": GOOD, **environ})


@pytest.mark.parametrize(
    ("environ", "name", "level"),
    [
        ({"JWT_SECRET": "super-secret-jwt-token-with-at-least-32-characters-long"}, "JWT_SECRET", "warning"),
        ({"JWT_SECRET": "a" * 40}, "JWT_SECRET", "warning"),
        ({"DATABASE_OWNER_URL": "postgresql://boss:boss@none.example/app"}, "DATABASE_OWNER_URL", "warning"),
        ({"REDIS_URL": "redis://:changeme@localhost:1"}, "REDIS_URL", "warning"),
        ({"REDIS_URL": "redis://localhost:1"}, "valkey", "warning"),
        ({"MONYNHA_CORS_ORIGINS": "*"}, "MONYNHA_CORS_ORIGINS", "warning"),
        ({"MONYNHA_LIMIT_AUTH": "off"}, "MONYNHA_LIMIT_AUTH", "warning"),
        (
            {"APP_ENV": "production", "MONYNHA_AUTOCONFIRM": "on", "SITE_URL": "http://a.example"},
            "SITE_URL",
            "warning",
        ),
        ({"DATABASE_URL": "postgresql://me:drawn@127.0.0.1:1/none"}, "database", "danger"),
    ],
)
async def test_a_doubtful_setting_is_told(
    running_servers: Servers, environ: dict[str, str], name: str, level: str
) -> None:
    before = {one.name: one.level for one in await examine(given(running_servers))}
    after = {one.name: one.level for one in await examine(given(running_servers, **environ))}

    assert level == after[name]
    assert before.get(name) in (None, "fine")


async def test_good_settings_are_told_to_be_fine(running_servers: Servers) -> None:
    strict = {"APP_ENV": "production", "MONYNHA_AUTOCONFIRM": "on", "SITE_URL": "https://a.example"}

    told = {one.name: one.level for one in await examine(given(running_servers, **strict))}

    assert {"settings", "valkey", "database", "login", "rights"} == set(told)
    assert {"fine"} == set(told.values())


async def test_of_an_empty_database_no_rights_are_praised(tmp_path: Path) -> None:
    told = {one.name: one.level for one in await examine(Settings.read({"MONYNHA_DATA_DIR": str(tmp_path)}))}

    assert "warning" == told["database"]
    assert "rights" not in told
