"""What `monynha doctor` finds in settings, servers and the database."""

from __future__ import annotations

from pathlib import Path

import pytest

from monynha.app.maintenance.doctor import run_checks
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("program")]

STRONG_SECRET = "f3a9c1d27b604e58a9d0b1c2e3f40516"


def settings_with(running_servers: ServerUrls, **environ: str) -> Settings:
    """Return the settings of an operator who set the URLs of the running servers."""
    urls = {"DATABASE_URL": running_servers.database_url, "REDIS_URL": running_servers.redis_url}
    return Settings.read({**urls, "JWT_SECRET": STRONG_SECRET, **environ})


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
        ({"SMTP_URL": "smtp://127.0.0.1:1"}, "SMTP_URL", "warning"),
        ({"SMTP_URL": "smtp://127.0.0.1:1?from=nobody"}, "SMTP_URL", "danger"),
        (
            {"APP_ENV": "production", "MONYNHA_AUTOCONFIRM": "on", "SITE_URL": "http://a.example"},
            "SITE_URL",
            "warning",
        ),
        ({"DATABASE_URL": "postgresql://me:drawn@127.0.0.1:1/none"}, "database", "danger"),
    ],
)
async def test_doubtful_setting_is_reported(
    running_servers: ServerUrls, environ: dict[str, str], name: str, level: str
) -> None:
    before = {check.name: check.level for check in await run_checks(settings_with(running_servers))}
    after = {check.name: check.level for check in await run_checks(settings_with(running_servers, **environ))}

    assert level == after[name]
    assert before.get(name) in (None, "fine")


async def test_good_settings_are_fine(running_servers: ServerUrls) -> None:
    production = {"APP_ENV": "production", "MONYNHA_AUTOCONFIRM": "on", "SITE_URL": "https://a.example"}

    levels = {check.name: check.level for check in await run_checks(settings_with(running_servers, **production))}

    assert set(levels) == {"settings", "valkey", "database", "login", "rights"}
    assert set(levels.values()) == {"fine"}


async def test_rights_of_an_empty_database_are_not_reported_as_fine(tmp_path: Path) -> None:
    levels = {check.name: check.level for check in await run_checks(Settings.read({"MONYNHA_DATA_DIR": str(tmp_path)}))}

    assert levels["database"] == "warning"
    assert "rights" not in levels
