"""The settings as a whole: their defaults, what follows from them, and which combinations are refused."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

import monynha
from monynha.core.errors import SettingsError
from monynha.core.settings.setting_types import Limit
from monynha.core.settings.settings import SERVICES, Settings

SECRET = "f3a9c1d27b604e58a9d0b1c2e3f40516"
DATABASE = {"DATABASE_URL": "postgresql://me:hush@db.example/app", "JWT_SECRET": SECRET}
PRODUCTION = {"APP_ENV": "production", "SMTP_URL": "smtps://mail.example"}


def test_defaults_are_development_with_embedded_servers() -> None:
    settings = Settings.read({})

    assert settings.app_env == "development"
    assert settings.database_url is None
    assert settings.redis_url is None
    assert settings.autoconfirm is True
    assert settings.migrate == "auto"
    assert settings.services == frozenset(SERVICES)
    assert settings.site_url == "http://127.0.0.1:8000"
    assert settings.data_dir == Path.cwd() / "data"
    assert settings.storage_url == (Path.cwd() / "data" / "objects").as_uri()
    assert settings.events_retention_days is None


def test_answers_and_requests_are_bounded() -> None:
    settings = Settings.read({"MONYNHA_MAX_ANSWER_BYTES": "64000000", "MONYNHA_WRITE_DEADLINE": "1m"})

    assert (settings.max_answer_characters, settings.max_answer_bytes) == (128_000_000, 64_000_000)
    assert (settings.read_deadline_s, settings.write_deadline_s) == (10, 60)


def test_empty_text_counts_as_unset() -> None:
    assert Settings.read({"REDIS_URL": "", "MONYNHA_PORT": "  "}) == Settings.read({})


def test_production_has_strict_limits_and_no_autoconfirm() -> None:
    settings = Settings.read({"APP_ENV": "production", "SMTP_URL": "smtp://mail.example"})

    assert settings.autoconfirm is False
    assert settings.limit_auth == Limit(5, 900)
    assert settings.limit_auth_address == Limit(50, 900)
    assert settings.limit_api == Limit(3000, 900)
    assert settings.limit_api_address == Limit(100, 900)
    assert settings.limit_upload == Limit(200, 3600)
    assert settings.limit_public == Limit(1000, 60)


def test_limit_of_users_also_bounds_signed_out_clients() -> None:
    with_api_limit = Settings.read({"MONYNHA_LIMIT_API": "5/1m"})
    without_api_limit = Settings.read({"MONYNHA_LIMIT_API": "off"})
    with_both_limits = Settings.read({"MONYNHA_LIMIT_API": "5/m", "MONYNHA_LIMIT_API_ADDRESS": "9/m"})

    assert with_api_limit.limit_api_address == Limit(5, 60)
    assert without_api_limit.limit_api is None
    assert without_api_limit.limit_api_address is None
    assert with_both_limits.limit_api_address == Limit(9, 60)


def test_external_database_is_migrated_manually_by_the_same_login() -> None:
    settings = Settings.read(DATABASE)

    assert settings.migrate == "manual"
    assert settings.database_owner_url == settings.database_url


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("::1", "http://[::1]:8000"),
        ("[::1]", "http://[::1]:8000"),
        ("board.example", "http://board.example:8000"),
    ],
)
def test_site_url_is_the_address_of_this_machine_unless_set(host: str, url: str) -> None:
    assert Settings.read({"MONYNHA_HOST": host}).site_url == url


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"MONYNHA_SERVICES": "api,mail"}, "MONYNHA_SERVICES: there is no service 'mail'"),
        (
            {"DATABASE_URL": "postgresql://db/app"},
            "JWT_SECRET: expected at least 32 characters, because DATABASE_URL",
        ),
        ({"DATABASE_OWNER_URL": "postgresql://db/app"}, "DATABASE_OWNER_URL: set DATABASE_URL too, or neither"),
        (
            {"APP_ENV": "production"},
            "SMTP_URL: production requires a mail server, unless MONYNHA_AUTOCONFIRM is on",
        ),
        (
            {**PRODUCTION, **DATABASE, "JWT_SECRET": "super-secret-jwt-token-with-at-least-32-characters"},
            "JWT_SECRET: production requires a strong secret",
        ),
        (
            {**PRODUCTION, **DATABASE, "JWT_SECRET": "abababababababababababababababababab"},
            "JWT_SECRET: production requires a strong secret",
        ),
        (
            {**PRODUCTION, **DATABASE, "DATABASE_URL": "postgresql://postgres:Postgres@db.example/app"},
            "DATABASE_URL: production requires a password that cannot be guessed",
        ),
        (
            {**PRODUCTION, **DATABASE, "DATABASE_OWNER_URL": "postgresql://jo%2De:jo-e@db.example/app"},
            "DATABASE_OWNER_URL: production requires a password that cannot be guessed",
        ),
        (
            {**PRODUCTION, "REDIS_URL": "redis://:redis@cache.example"},
            "REDIS_URL: production requires a password that cannot be guessed",
        ),
    ],
)
def test_wrong_combination_is_refused_in_one_line_that_names_the_setting(environ: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as error:
        Settings.read(environ)

    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "environ",
    [
        {"REDIS_URL": "redis://:redis@cache.example"},
        {**DATABASE, **PRODUCTION},
        {"APP_ENV": "production", "MONYNHA_AUTOCONFIRM": "on"},
    ],
)
def test_right_combination_is_accepted(environ: dict[str, str]) -> None:
    settings = Settings.read(environ)

    assert settings != Settings.read({})


def test_repr_does_not_show_secrets() -> None:
    text = repr(Settings.read(DATABASE))

    assert "hush" not in text
    assert SECRET not in text


@pytest.mark.parametrize(
    "settings",
    [
        Settings.read({}),
        Settings.read({**DATABASE, **PRODUCTION, "MONYNHA_SERVICES": "api,auth", "MONYNHA_HOST": "::"}),
        Settings.read(
            {
                "MONYNHA_LIMIT_API": "off",
                "MONYNHA_CORS_ORIGINS": "https://a.example,http://localhost:3000",
                "MONYNHA_TRUSTED_PROXIES": "10.1.2.3/8,::1",
                "MONYNHA_EVENTS_RETENTION_DAYS": "30",
                "MONYNHA_DATA_DIR": "/srv/my data",
                "MONYNHA_AUTOCONFIRM": "off",
            }
        ),
        replace(Settings.read({}), jwt_secret=SECRET, port=54321, site_url="http://127.0.0.1:54321"),
    ],
)
def test_environment_of_settings_reads_as_the_same_settings(settings: Settings) -> None:
    assert Settings.read(settings.to_environment()) == settings


def test_every_setting_has_its_own_name_and_a_sentence() -> None:
    catalogue = Settings.catalogue()
    names = [setting.name for setting in catalogue.values()]

    assert len(names) == len(set(names))
    assert all(setting.description.endswith(".") for setting in catalogue.values())


def test_every_available_setting_is_read_somewhere() -> None:
    """A setting that does nothing must be refused, so one that no code reads needs `missing_feature`."""
    available = {name for name, setting in Settings.catalogue().items() if not setting.missing_feature}

    assert available - _attributes_read_of_settings() == set()


def _attributes_read_of_settings() -> set[str]:
    """The fields that src reads as `settings.field` or `….settings.field`, outside the settings' own package."""
    package = Path(monynha.__file__).parent
    own_folder = package / "core" / "settings"
    return {
        node.attr
        for path in package.rglob("*.py")
        if own_folder not in path.parents
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
        if getattr(node.value, "id", getattr(node.value, "attr", "")) in ("settings", "_settings")
    }


def test_passwords_and_sign_up_are_settings_within_bounds() -> None:
    defaults = Settings.read({})
    changed = Settings.read(
        {
            "MONYNHA_PASSWORD_MIN_LENGTH": "6",
            "MONYNHA_SIGNUP": "OFF",
            "MONYNHA_JWT_ISSUERS": "https://a.example/auth/v1, own",
        }
    )

    assert (defaults.password_min_length, defaults.signup, defaults.jwt_issuers) == (8, "on", ())
    assert (changed.password_min_length, changed.signup) == (6, "off")
    assert changed.jwt_issuers == ("https://a.example/auth/v1", "own")
    for name, text in (("MONYNHA_PASSWORD_MIN_LENGTH", "5"), ("MONYNHA_SIGNUP", "sometimes")):
        with pytest.raises(SettingsError, match=rf"^{name}: expected "):
            Settings.read({name: text})


@pytest.mark.parametrize(
    ("text", "groups"),
    [("none", {"none"}), ("Enrolled", {"enrolled"}), ("admins, enrolled", {"admins", "enrolled"}), ("", {"enrolled"})],
)
def test_who_needs_a_second_factor_is_a_list_or_none(text: str, groups: set[str]) -> None:
    settings = Settings.read({"MONYNHA_REQUIRE_MFA": text})

    assert settings.require_mfa == groups
    assert Settings.read(settings.to_environment()).require_mfa == groups


@pytest.mark.parametrize("text", ["none,admins", "everybody", ","])
def test_another_list_of_who_needs_a_second_factor_stops_the_start(text: str) -> None:
    with pytest.raises(SettingsError, match="MONYNHA_REQUIRE_MFA"):
        Settings.read({"MONYNHA_REQUIRE_MFA": text})
