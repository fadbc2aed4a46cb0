"""Settings of accounts without an email address: anonymous users, and accounts with a phone number."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from monynha.core.errors import SettingsError
from monynha.core.settings import setting_types
from monynha.core.settings.declaration import setting_field
from monynha.core.settings.setting_types import Limit, SettingType

_MINUTE: Final = 60
_HOUR: Final = 3600
_SECRET: Final = re.compile(r"(?:v1,)?whsec_([A-Za-z0-9+/=]+)")
_MIN_SECRET_BYTES: Final = 24
_TEST_OTP: Final = re.compile(r"\+?([1-9][0-9]{1,14})=([0-9]{6,10})")


def _parse_hook_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment:
        raise ValueError
    _ = parts.port  # raises ValueError for a port that is no number
    return text


def _parse_hook_secrets(text: str) -> tuple[str, ...]:
    secrets = tuple(secret.strip() for secret in text.split(","))
    # `v1,whsec_…` is how other programs write a secret: the comma belongs to it.
    secrets = tuple(secret for secret in secrets if secret != "v1")
    for secret in secrets:
        if len(decode_hook_secret(secret)) < _MIN_SECRET_BYTES:
            raise ValueError
    if not secrets:
        raise ValueError
    return secrets


def decode_hook_secret(secret: str) -> bytes:
    """Return the key of a secret in the form `whsec_<base64>` (Standard Webhooks); ValueError for another form."""
    match = _SECRET.fullmatch(secret)
    if match is None:
        raise ValueError
    try:
        return base64.b64decode(match[1], validate=True)
    except binascii.Error:
        raise ValueError from None


def _parse_test_otp(text: str) -> str:
    match = _TEST_OTP.fullmatch(text)
    if match is None:
        raise ValueError
    return f"{match[1]}={match[2]}"


@dataclass(frozen=True)
class AccountSettings:
    """Who may have an account without an email address, and how text messages are sent."""

    anonymous_users: bool = setting_field(
        "MONYNHA_ANONYMOUS_USERS",
        setting_types.boolean,
        False,
        "Whether anybody gets an account without credentials, to be made permanent later.",
    )
    limit_anonymous: Limit | None = setting_field(
        "MONYNHA_LIMIT_ANONYMOUS",
        setting_types.limit,
        Limit(1_000, _HOUR),
        "Anonymous sign-ins per IP address.",
        production=Limit(30, _HOUR),
    )
    anonymous_retention_days: int | None = setting_field(
        "MONYNHA_ANONYMOUS_RETENTION_DAYS",
        setting_types.number(1, 36_500),
        None,
        "How many days an anonymous user who does not come back is kept, with all they made (default: for good).",
    )
    sms_hook_url: str | None = setting_field(
        "MONYNHA_SMS_HOOK_URL",
        SettingType("an http:// or https:// URL", _parse_hook_url, is_secret=True),
        None,
        "The address that text messages are posted to; with it, or with MONYNHA_SMS_TEST_OTPS or"
        " MONYNHA_PHONE_AUTOCONFIRM, accounts may have a phone number.",
    )
    sms_hook_secrets: tuple[str, ...] = setting_field(
        "MONYNHA_SMS_HOOK_SECRET",
        SettingType(
            "secrets in the form whsec_<base64 of at least 24 bytes>, separated by commas",
            _parse_hook_secrets,
            is_secret=True,
        ),
        (),
        "The secret that signs what is posted to MONYNHA_SMS_HOOK_URL (Standard Webhooks), as whsec_<base64>;"
        " several, separated by commas, while it is being replaced.",
    )
    sms_test_otps: tuple[str, ...] = setting_field(
        "MONYNHA_SMS_TEST_OTPS",
        SettingType(
            "phone numbers with their codes, as <number>=<code>",
            lambda text: setting_types.parse_list(text, _parse_test_otp),
            is_secret=True,
        ),
        (),
        "Phone numbers that get no text messages, with the code that each of them always has: for tests and reviewers"
        " of apps.",
    )
    phone_autoconfirm: bool = setting_field(
        "MONYNHA_PHONE_AUTOCONFIRM",
        setting_types.boolean,
        False,
        "Whether a phone number counts as confirmed at once, without a text message.",
    )
    sms_code_ttl_s: int = setting_field(
        "MONYNHA_SMS_CODE_TTL",
        setting_types.duration,
        5 * _MINUTE,
        "How long a code in a text message is valid.",
    )
    limit_sms_number: Limit | None = setting_field(
        "MONYNHA_LIMIT_SMS_NUMBER",
        setting_types.limit,
        Limit(30, _MINUTE),
        "Text messages to one phone number.",
        production=Limit(1, _MINUTE),
    )
    limit_sms: Limit | None = setting_field(
        "MONYNHA_LIMIT_SMS",
        setting_types.limit,
        Limit(1_000, _HOUR),
        "Text messages per IP address that asks for them; ten times as many in all.",
        production=Limit(30, _HOUR),
    )
    require_reauthentication: bool = setting_field(
        "MONYNHA_REQUIRE_REAUTHENTICATION",
        setting_types.boolean,
        False,
        "Whether a session older than a day needs a code from /auth/v1/reauthenticate to change the password.",
    )
    require_current_password: bool = setting_field(
        "MONYNHA_REQUIRE_CURRENT_PASSWORD",
        setting_types.boolean,
        False,
        "Whether a new password needs the current one, unless the session began by recovery.",
    )

    @property
    def has_phone_accounts(self) -> bool:
        """Whether accounts may have a phone number: where a code can reach one, or none is needed."""
        return bool(self.sms_hook_url or self.sms_test_otps or self.phone_autoconfirm)


def check_account_settings(settings: AccountSettings, *, is_production: bool) -> None:
    """Raise SettingsError for settings that are valid alone but not together."""
    url = settings.sms_hook_url
    if url and not settings.sms_hook_secrets:
        raise SettingsError("MONYNHA_SMS_HOOK_SECRET: is required, because MONYNHA_SMS_HOOK_URL is set")
    if settings.sms_hook_secrets and not url:
        raise SettingsError("MONYNHA_SMS_HOOK_URL: is required, because MONYNHA_SMS_HOOK_SECRET is set")
    if url and is_production and not setting_types.is_tls_or_local(url):
        raise SettingsError("MONYNHA_SMS_HOOK_URL: production requires https://, because the messages hold codes")
