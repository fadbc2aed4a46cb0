"""Settings of anonymous users and phone numbers: what they accept, and what must be set together."""

from __future__ import annotations

import base64

import pytest

from monynha.core.errors import SettingsError
from monynha.core.settings.account_settings import decode_hook_secret
from monynha.core.settings.settings import Settings

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
PRODUCTION = {
    "APP_ENV": "production",
    "JWT_SECRET": "9c1f0d7a5b3e48f6a2d4c6e8b0f1a3c5d7e9",
    "MONYNHA_AUTOCONFIRM": "on",
}


def test_nobody_is_anonymous_and_no_account_has_a_number_unless_it_is_set() -> None:
    settings = Settings.read({})

    assert not settings.anonymous_users
    assert not settings.has_phone_accounts


@pytest.mark.parametrize(
    "environ",
    [
        {"MONYNHA_SMS_HOOK_URL": "https://sms.example.org/send", "MONYNHA_SMS_HOOK_SECRET": SECRET},
        {"MONYNHA_SMS_TEST_OTPS": "1234567890=123456"},
        {"MONYNHA_PHONE_AUTOCONFIRM": "on"},
    ],
)
def test_accounts_may_have_a_number_once_a_code_can_reach_it_or_none_is_needed(environ: dict[str, str]) -> None:
    assert Settings.read(environ).has_phone_accounts


def test_test_numbers_are_read_with_their_codes() -> None:
    settings = Settings.read({"MONYNHA_SMS_TEST_OTPS": "1234567890=123456, +491701234567=000000"})

    assert settings.sms_test_otps == ("1234567890=123456", "491701234567=000000")


@pytest.mark.parametrize("text", [SECRET, f"v1,{SECRET}", f"{SECRET},{SECRET}", f"v1,{SECRET},v1,{SECRET}"])
def test_a_secret_is_read_in_the_forms_in_which_it_is_written(text: str) -> None:
    environ = {"MONYNHA_SMS_HOOK_URL": "https://sms.example.org", "MONYNHA_SMS_HOOK_SECRET": text}

    settings = Settings.read(environ)

    assert {decode_hook_secret(secret) for secret in settings.sms_hook_secrets} == {b"k" * 32}
    assert SECRET not in repr(settings)
    again = Settings.read({**settings.to_environment(), "MONYNHA_SMS_HOOK_URL": "https://sms.example.org"})
    assert again.sms_hook_secrets == settings.sms_hook_secrets


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("MONYNHA_SMS_TEST_OTPS", "1234567890"),
        ("MONYNHA_SMS_TEST_OTPS", "0123456=123456"),
        ("MONYNHA_SMS_TEST_OTPS", "1234567890=12345"),
        ("MONYNHA_SMS_TEST_OTPS", "1234567890=abcdef"),
        ("MONYNHA_SMS_HOOK_SECRET", "not a secret"),
        ("MONYNHA_SMS_HOOK_SECRET", "whsec_c2hvcnQ="),
        ("MONYNHA_SMS_HOOK_SECRET", "whsec_===="),
        ("MONYNHA_SMS_HOOK_SECRET", "v1,"),
        ("MONYNHA_SMS_HOOK_URL", "ftp://sms.example.org"),
        ("MONYNHA_SMS_HOOK_URL", "https:///send"),
        ("MONYNHA_SMS_HOOK_URL", "https://sms.example.org:port/"),
    ],
)
def test_a_wrong_value_stops_the_start_without_repeating_it(name: str, text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.read({name: text})

    message = str(refused.value)
    assert message.startswith(f"{name}: expected ")
    assert text not in message


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"MONYNHA_SMS_HOOK_URL": "https://sms.example.org"}, "MONYNHA_SMS_HOOK_SECRET: is required"),
        ({"MONYNHA_SMS_HOOK_SECRET": SECRET}, "MONYNHA_SMS_HOOK_URL: is required"),
        (
            {**PRODUCTION, "MONYNHA_SMS_HOOK_URL": "http://sms.example.org", "MONYNHA_SMS_HOOK_SECRET": SECRET},
            "MONYNHA_SMS_HOOK_URL: production requires https://",
        ),
    ],
)
def test_a_wrong_combination_stops_the_start(environ: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Settings.read(environ)


def test_production_takes_a_hook_on_the_same_machine_without_tls_and_has_strict_limits() -> None:
    settings = Settings.read(
        {**PRODUCTION, "MONYNHA_SMS_HOOK_URL": "http://127.0.0.1:9000/sms", "MONYNHA_SMS_HOOK_SECRET": SECRET}
    )

    assert str(settings.limit_sms_number) == "1/1m"
    assert str(settings.limit_sms) == "30/1h"
    assert str(settings.limit_anonymous) == "30/1h"
