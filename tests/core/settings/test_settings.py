"""What settings are taken, refused, and derived from one another."""

from __future__ import annotations

from pathlib import Path

import pytest

from monynha.core.errors import SettingsError
from monynha.core.settings.setting_types import Limit
from monynha.core.settings.settings import BUILT_SERVICES, Settings

SECRET = "f3a9c1d27b604e58a9d0b1c2e3f40516"
DATABASE = {"DATABASE_URL": "postgresql://me:hush@db.example/app", "JWT_SECRET": SECRET}


def test_nothing_set_means_a_desk_with_embedded_servers() -> None:
    settings = Settings.read({})

    assert settings.app_env == "development"
    assert settings.database_url is None
    assert settings.redis_url is None
    assert settings.autoconfirm is True
    assert settings.migrate == "auto"
    assert settings.services == BUILT_SERVICES
    assert settings.site_url == "http://127.0.0.1:8000"
    assert settings.data_dir == Path.cwd() / "data"
    assert settings.events_retention_days is None
    assert settings.storage_url == f"file://{Path.cwd()}/data/files"


def test_an_empty_text_is_an_unset_one() -> None:
    assert Settings.read({"REDIS_URL": "", "MONYNHA_PORT": "  "}) == Settings.read({})


def test_production_has_strict_limits_and_no_autoconfirm() -> None:
    settings = Settings.read({"APP_ENV": "production", "SMTP_URL": "smtp://mail.example"})

    assert settings.autoconfirm is False
    assert settings.limit_auth == Limit(5, 900)
    assert settings.limit_auth_address == Limit(50, 900)
    assert settings.limit_api == Limit(3000, 900)
    assert settings.limit_api_address == Limit(100, 900)
    assert settings.limit_upload == Limit(10, 3600)


def test_a_limit_on_people_holds_for_strangers_too() -> None:
    with_api_limit = Settings.read({"MONYNHA_LIMIT_API": "5/1m"})
    without_api_limit = Settings.read({"MONYNHA_LIMIT_API": "off"})
    with_both_limits = Settings.read({"MONYNHA_LIMIT_API": "5/m", "MONYNHA_LIMIT_API_ADDRESS": "9/m"})

    assert with_api_limit.limit_api_address == Limit(5, 60)
    assert without_api_limit.limit_api is None
    assert without_api_limit.limit_api_address is None
    assert with_both_limits.limit_api_address == Limit(9, 60)


def test_a_database_by_url_is_migrated_by_hand_and_by_the_same_login() -> None:
    settings = Settings.read(DATABASE)

    assert settings.migrate == "manual"
    assert settings.database_owner_url == settings.database_url


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("# mine\nexport MONYNHA_PORT=9001\nLOG_LEVEL='debug'\nJWT_SECRET=\"" + SECRET + '$x"\n')

    settings = Settings.read({"MONYNHA_PORT": "9002"}, dotenv)

    assert settings.port == 9002
    assert settings.log_level == "debug"
    assert settings.jwt_secret == SECRET + "$x"


def test_a_broken_line_of_the_file_is_named(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("LOG_LEVEL=info\nthis is = 'not\n")

    with pytest.raises(SettingsError, match=r"^\.env: line 2 is not NAME=value$"):
        Settings.read({}, dotenv)


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({"MONYNHA_WORKER": "4"}, "MONYNHA_WORKER: there is no such setting; did you mean MONYNHA_WORKERS?"),
        (
            {"MONYNHA_AUTO_CONFIRM": "off"},
            "MONYNHA_AUTO_CONFIRM: there is no such setting; did you mean MONYNHA_AUTOCONFIRM?",
        ),
        ({"monynha_port": "1"}, "monynha_port: there is no such setting; did you mean MONYNHA_PORT?"),
        ({"MONYNHA_PRTO": "1"}, "MONYNHA_PRTO: there is no such setting; did you mean MONYNHA_PORT?"),
        ({"MONYNHA_XYZZY_QUUX_FROBOZZ": "1"}, "MONYNHA_XYZZY_QUUX_FROBOZZ: there is no such setting; docs"),
        ({"APP_ENV": "staging"}, "APP_ENV: expected development or production, not 'staging'"),
        ({"MONYNHA_PORT": "80000"}, "MONYNHA_PORT: expected a whole number from 0 to 65535, not '80000'"),
        ({"MONYNHA_PORT": "١"}, "MONYNHA_PORT: expected a whole number from 0 to 65535, not '١'"),
        (
            {"MONYNHA_EVENTS_RETENTION_DAYS": "0"},
            "MONYNHA_EVENTS_RETENTION_DAYS: expected a whole number from 1 to 36500, not '0'",
        ),
        ({"MONYNHA_WORKERS": "0"}, "MONYNHA_WORKERS: expected a whole number from 1 to 64, not '0'"),
        ({"MONYNHA_AUTOCONFIRM": "perhaps"}, "MONYNHA_AUTOCONFIRM: expected on or off, not 'perhaps'"),
        ({"MONYNHA_LIMIT_AUTH": "5 per hour"}, "MONYNHA_LIMIT_AUTH: expected a limit such as 5/15m, or off"),
        ({"MONYNHA_LIMIT_AUTH": "0/1h"}, "MONYNHA_LIMIT_AUTH: expected a limit such as 5/15m, or off"),
        (
            {"MONYNHA_ACCESS_TOKEN_TTL": "1w"},
            "MONYNHA_ACCESS_TOKEN_TTL: expected a time such as 3600, 15m or 1h",
        ),
        ({"MONYNHA_SERVICES": "api,mail"}, "MONYNHA_SERVICES: there is no service 'mail'"),
        ({"MONYNHA_SERVICES": "api,storage"}, "MONYNHA_SERVICES: the service 'storage' is not built yet"),
        ({"MONYNHA_SERVICES": ","}, "MONYNHA_SERVICES: expected services with commas between"),
        (
            {"MONYNHA_TRUSTED_PROXIES": "10.0.0.0/33"},
            "MONYNHA_TRUSTED_PROXIES: expected addresses or networks",
        ),
        ({"MONYNHA_CORS_ORIGINS": "app.example"}, "MONYNHA_CORS_ORIGINS: expected origins such as"),
        ({"SITE_URL": "example.org"}, "SITE_URL: expected an address like https://example.org"),
        ({"REDIS_URL": "http://cache"}, "REDIS_URL: expected an address like redis://… or rediss://…"),
        ({"STORAGE_URL": "ftp://files"}, "STORAGE_URL: expected an address like file://… or s3://…"),
        ({"SMTP_URL": "smtp://mail:port"}, "SMTP_URL: expected an address like smtp://… or smtps://…"),
        ({"JWT_SECRET": "short"}, "JWT_SECRET: expected at least 32 characters"),
        ({"DATABASE_URL": "mysql://db/app"}, "DATABASE_URL: expected an address like postgresql://…"),
        (
            {"DATABASE_URL": "postgresql://db/app"},
            "JWT_SECRET: expected at least 32 characters, because DATABASE_URL",
        ),
        (
            {"DATABASE_OWNER_URL": "postgresql://db/app"},
            "DATABASE_OWNER_URL: set DATABASE_URL too, or neither",
        ),
        (
            {"DATABASE_REPLICA_URL": "postgresql://db/app"},
            "DATABASE_REPLICA_URL: set DATABASE_URL too, or neither",
        ),
        (
            {"APP_ENV": "production"},
            "SMTP_URL: production demands a mail server, unless MONYNHA_AUTOCONFIRM is on",
        ),
        (
            {
                **DATABASE,
                "APP_ENV": "production",
                "JWT_SECRET": "super-secret-jwt-token-with-at-least-32-characters",
            },
            "JWT_SECRET: production demands a real secret",
        ),
        (
            {
                **DATABASE,
                "APP_ENV": "production",
                "DATABASE_URL": "postgresql://postgres:Postgres@db.example/app",
            },
            "DATABASE_URL: production demands a password that nobody knows",
        ),
        (
            {
                **DATABASE,
                "APP_ENV": "production",
                "DATABASE_OWNER_URL": "postgresql://jo%2De:jo-e@db.example/app",
            },
            "DATABASE_OWNER_URL: production demands a password that nobody knows",
        ),
        (
            {"APP_ENV": "production", "REDIS_URL": "redis://:redis@cache.example"},
            "REDIS_URL: production demands a password that nobody knows",
        ),
        (
            {**DATABASE, "APP_ENV": "production", "JWT_SECRET": "abababababababababababababababababab"},
            "JWT_SECRET: production demands a real secret",
        ),
    ],
)
def test_a_wrong_setting_is_refused_in_one_line_that_names_it(environ: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as error:
        Settings.read(environ)

    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_an_unknown_name_in_the_file_is_refused_too(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("MONYNHA_TRUSTED_PROXY=10.0.0.0/8\n")

    with pytest.raises(SettingsError, match=r"^MONYNHA_TRUSTED_PROXY: .* MONYNHA_TRUSTED_PROXIES\?$"):
        Settings.read({}, dotenv)


@pytest.mark.parametrize(
    "environ",
    [
        {"PATH": "/bin", "PORT": "1", "WORKERS": "4", "DATABASE": "x"},
        {"MONYNHA_WORKER": "", "MONYNHA_OF_OLD": " "},
        # What Kubernetes tells a pod beside a service `monynha` and another `monynha-web`.
        {
            "MONYNHA_PORT": "8000",
            "MONYNHA_SERVICE_HOST": "10.0.0.1",
            "MONYNHA_SERVICE_PORT": "80",
            "MONYNHA_SERVICE_PORT_HTTP": "80",
            "MONYNHA_PORT_80_TCP": "tcp://10.0.0.1:80",
            "MONYNHA_PORT_80_TCP_ADDR": "10.0.0.1",
            "MONYNHA_WEB_PORT": "tcp://10.0.0.2:80",
            "MONYNHA_WEB_SERVICE_HOST": "10.0.0.2",
        },
    ],
)
def test_what_is_not_ours_or_empty_is_nobodys_typo(environ: dict[str, str]) -> None:
    assert Settings.read({}) == Settings.read(environ)


def test_a_refusal_never_repeats_a_password() -> None:
    with pytest.raises(SettingsError) as error:
        Settings.read({"DATABASE_URL": "mysql://me:hush@db/app"})

    assert "hush" not in str(error.value)


def test_settings_do_not_show_their_secrets() -> None:
    text = repr(Settings.read(DATABASE))

    assert "hush" not in text
    assert SECRET not in text


@pytest.mark.parametrize(
    "environ",
    [
        {**DATABASE, "DATABASE_URL": "postgres:///app?host=/run/postgresql"},
        {"REDIS_URL": "redis://one:6379,two:6379/0"},
        {"REDIS_URL": "unix:///run/valkey.sock"},
        {"REDIS_URL": "redis://:redis@cache.example"},
        {"STORAGE_URL": "file:///srv/files"},
        {"MONYNHA_CORS_ORIGINS": "https://a.example, http://localhost:3000"},
        {"MONYNHA_TRUSTED_PROXIES": "10.1.2.3/8,::1"},
        {"MONYNHA_HOST": "::"},
        {**DATABASE, "APP_ENV": "production", "SMTP_URL": "smtps://mail"},
    ],
)
def test_a_right_setting_is_taken(environ: dict[str, str]) -> None:
    settings = Settings.read(environ)

    assert settings != Settings.read({})


def test_every_setting_has_its_own_name_and_a_sentence() -> None:
    catalogue = Settings.catalogue()
    names = [setting.name for setting in catalogue.values()]

    assert len(names) == len(set(names))
    assert all(setting.description.endswith(".") for setting in catalogue.values())
