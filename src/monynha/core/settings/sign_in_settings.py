"""Settings of signing in: passwords, second factors, tokens and their keys, and applications that act for people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from monynha.core.settings import setting_types
from monynha.core.settings.declaration import setting_field
from monynha.core.settings.setting_types import SettingType

_HOUR: Final = 3600


def _parse_require_mfa(text: str) -> frozenset[str]:
    groups = frozenset(word.strip().lower() for word in text.split(",") if word.strip())
    if groups != {"none"} and not (groups and groups <= {"enrolled", "admins"}):
        raise ValueError
    return groups


@dataclass(frozen=True)
class SignInSettings:
    """How people and applications prove who they are."""

    manual_linking: bool = setting_field(
        "MONYNHA_MANUAL_LINKING",
        setting_types.boolean,
        False,
        "Whether people may add further providers to their account, and remove them.",
    )
    password_min_length: int = setting_field(
        "MONYNHA_PASSWORD_MIN_LENGTH", setting_types.number(6, 256), 8, "How many characters a password has at least."
    )
    breached_passwords: Path | None = setting_field(
        "MONYNHA_BREACHED_PASSWORDS",
        setting_types.file,
        None,
        "A file of SHA-1 hashes of passwords that nobody may choose, ordered by hash, as of Have I Been Pwned.",
    )
    require_mfa: frozenset[str] = setting_field(
        "MONYNHA_REQUIRE_MFA",
        SettingType("enrolled, admins, both separated by a comma, or none", _parse_require_mfa),
        frozenset({"enrolled"}),
        "Whose sessions need a second factor: `enrolled`, everybody who has verified one, and `admins`, every system"
        " admin; `none`: nobody's, but where a workspace itself requires it.",
    )
    webauthn_rp_id: str = setting_field(
        "MONYNHA_WEBAUTHN_RP_ID",
        setting_types.one_line,
        "",
        "The domain that passkeys and security keys belong to (default: the host of SITE_URL, `localhost` for a"
        " loopback address); later changes make those that exist useless.",
    )
    webauthn_origins: tuple[str, ...] = setting_field(
        "MONYNHA_WEBAUTHN_ORIGINS",
        setting_types.origins,
        (),
        "Further origins, beside that of SITE_URL, whose pages may use passkeys and security keys (in development also"
        " every localhost).",
    )
    jwt_algorithm: str = setting_field(
        "MONYNHA_JWT_ALGORITHM",
        setting_types.choice("HS256", "ES256", "RS256"),
        "HS256",
        "How access tokens are signed: HS256 with JWT_SECRET, or ES256 or RS256 with a key that others verify by"
        " /auth/v1/.well-known/jwks.json.",
    )
    jwt_issuers: tuple[str, ...] = setting_field(
        "MONYNHA_JWT_ISSUERS",
        setting_types.issuers,
        (),
        "Further issuers (`iss`) whose access tokens are accepted, beside SITE_URL/auth/v1.",
    )
    access_token_ttl_s: int = setting_field(
        "MONYNHA_ACCESS_TOKEN_TTL", setting_types.duration, _HOUR, "How long an access token is valid."
    )
    refresh_reuse_interval_s: int = setting_field(
        "MONYNHA_REFRESH_REUSE_INTERVAL",
        setting_types.duration,
        10,
        "How long a refresh token that has been replaced is still accepted.",
    )
    oauth_server: bool = setting_field(
        "MONYNHA_OAUTH_SERVER",
        setting_types.boolean,
        False,
        "Whether other applications may act for people who consent (an OAuth 2.1 authorization server).",
    )
    oauth_registration: bool = setting_field(
        "MONYNHA_OAUTH_SERVER_REGISTRATION",
        setting_types.boolean,
        False,
        "Whether applications may register themselves at the authorization server (RFC 7591).",
    )
    oauth_consent_url: str | None = setting_field(
        "MONYNHA_OAUTH_SERVER_CONSENT_URL",
        setting_types.site_url,
        None,
        "The page of your own site that asks people for consent (default: that of the program).",
    )
