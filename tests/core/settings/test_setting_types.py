"""What each type of setting accepts, what it refuses, and the text of its values."""

from __future__ import annotations

import pytest

from monynha.core.errors import SettingsError
from monynha.core.settings import setting_types
from monynha.core.settings.setting_types import Limit, format_value
from monynha.core.settings.settings import Settings


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("APP_ENV", "staging", "development or production, not 'staging'"),
        ("MONYNHA_PORT", "80000", "a whole number from 0 to 65535, not '80000'"),
        ("MONYNHA_PORT", "١", "a whole number from 0 to 65535, not '١'"),
        ("MONYNHA_EVENTS_RETENTION_DAYS", "0", "a whole number from 1 to 36500, not '0'"),
        ("MONYNHA_WORKERS", "0", "a whole number from 1 to 64, not '0'"),
        ("MONYNHA_AUTOCONFIRM", "perhaps", "on or off, not 'perhaps'"),
        ("MONYNHA_LIMIT_AUTH", "5 per hour", "a limit such as 5/15m, or off, not '5 per hour'"),
        ("MONYNHA_LIMIT_AUTH", "0/1h", "a limit such as 5/15m, or off, not '0/1h'"),
        ("MONYNHA_ACCESS_TOKEN_TTL", "1w", "a time such as 3600, 15m or 1h, not '1w'"),
        ("MONYNHA_SERVICES", ",", "services, separated by commas, not ','"),
        ("MONYNHA_TRUSTED_PROXIES", "10.0.0.0/33", "IP addresses or networks such as 10.0.0.0/8, not '10.0.0.0/33'"),
        (
            "MONYNHA_CORS_ORIGINS",
            "app.example",
            "origins such as https://app.example.org, or *, not 'app.example'",
        ),
        ("MONYNHA_ALLOWED_FILE_TYPES", "png", "media types such as image/*, or *, not 'png'"),
        ("MONYNHA_DENIED_FILE_TYPES", "text/html,*/html", "media types such as image/*, or *, not 'text/html,*/html'"),
        ("MONYNHA_HOST", "::1\n::2", "one line of text, not '::1\\n::2'"),
        ("MONYNHA_POSTGRES_BIN", "~nobody-of-that-name/bin", "a folder, not '~nobody-of-that-name/bin'"),
        ("SITE_URL", "example.org", "a URL like https://example.org, not 'example.org'"),
        (
            "REDIS_URL",
            "http://cache",
            "a URL like redis://… or rediss://… or valkey://… or valkeys://… or unix://…",
        ),
        ("SMTP_URL", "smtp://mail:port", "a URL like smtp://… or smtps://…"),
        ("JWT_SECRET", "short", "at least 32 characters"),
        ("DATABASE_URL", "mysql://db/app", "a URL like postgresql://… or postgres://…"),
    ],
)
def test_text_of_the_wrong_form_is_refused_in_one_line(name: str, text: str, expected: str) -> None:
    with pytest.raises(SettingsError) as error:
        Settings.read({name: text})

    assert str(error.value) == f"{name}: expected {expected}"


@pytest.mark.parametrize(
    ("value_type", "text", "value"),
    [
        (setting_types.choice("auto", "manual"), "AUTO", "auto"),
        (setting_types.number(1, 64), "64", 64),
        (setting_types.boolean, "Yes", True),
        (setting_types.boolean, "0", False),
        (setting_types.duration, "90", 90),
        (setting_types.duration, "15 m", 900),
        (setting_types.limit, "5/m", Limit(5, 60)),
        (setting_types.limit, "5/15m", Limit(5, 900)),
        (setting_types.limit, "OFF", None),
        (setting_types.url("postgresql", "postgres"), "postgres:///app?host=/run", "postgres:///app?host=/run"),
        (setting_types.url("redis"), "redis://one:6379,two:6379/0", "redis://one:6379,two:6379/0"),
        (setting_types.url("unix"), "unix:///run/valkey.sock", "unix:///run/valkey.sock"),
        (setting_types.site_url, "https://example.org/", "https://example.org"),
        (setting_types.origins, "https://A.example, *", ("https://a.example", "*")),
        (setting_types.networks, "10.1.2.3/8,::1", ("10.0.0.0/8", "::1/128")),
    ],
)
def test_text_of_the_right_form_becomes_a_value(
    value_type: setting_types.SettingType[object], text: str, value: object
) -> None:
    assert value_type.parse(text) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "on"),
        (False, "off"),
        (900, "900"),
        (Limit(5, 900), "5/15m"),
        (Limit(1, 90), "1/90s"),
        (frozenset({"web", "api"}), "api,web"),
        (("a", "b"), "a,b"),
        (None, ""),
    ],
)
def test_value_has_the_text_from_which_it_is_parsed(value: object, text: str) -> None:
    assert format_value(value) == text
