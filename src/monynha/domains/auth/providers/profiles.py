"""Profiles: what the claims of a provider say about a person, and whether their address is proven."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import orjson

from monynha.core.errors import ValidationFailedError
from monynha.domains.auth.accounts.metadata import contains_nul
from monynha.domains.auth.emails.email_address import normalize_email
from monynha.domains.auth.providers.provider import ProviderProfile

_MAX_TEXT_LENGTH = 255
_MAX_URL_LENGTH = 500
MAX_SUBJECT_LENGTH = 255
"""OpenID Connect Core §2: `sub` has at most 255 characters."""
_TEXTS = (
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "user_name",
    "locale",
    "zoneinfo",
)
_URLS = ("picture", "profile", "website")
_METADATA = (
    "sub",
    "email",
    "email_verified",
    "phone_verified",
    "iss",
    "name",
    "full_name",
    "preferred_username",
    "user_name",
    "provider_id",
    "picture",
    "avatar_url",
)
"""The claims that become the metadata of an account, as far as there is room."""
_MAX_METADATA_BYTES = 2_400
_MICROSOFT_PERSONAL_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"

EmailTrust = Callable[[Mapping[str, object]], bool]
"""Whether a provider's claims say that the person has proven the address in them."""


def is_email_verified(claims: Mapping[str, object]) -> bool:
    """Whether the provider states it (OpenID Connect Core §5.1); some, as Apple, write the boolean as text."""
    value = claims.get("email_verified")
    return value is True or value == "true"


def is_azure_email_verified(claims: Mapping[str, object]) -> bool:
    """Whether Microsoft states it: `email` alone is what an administrator of any tenant has entered.

    `xms_edov` is an optional claim; the tenant of personal accounts proves addresses itself.
    """
    return claims.get("xms_edov") in (True, 1, "1", "true") or claims.get("tid") == _MICROSOFT_PERSONAL_TENANT


def profile_from_claims(
    claims: Mapping[str, object], is_verified: EmailTrust, custom_claims: tuple[str, ...] = ()
) -> ProviderProfile:
    """Return the profile in the claims of an ID token or of a user endpoint; all texts are short.

    Raise ValueError for claims without a `sub`.
    """
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT_LENGTH or "\x00" in subject:
        raise ValueError("sub")
    email = _email(claims.get("email"))
    values: dict[str, object] = {"sub": subject, "provider_id": subject}
    if isinstance(issuer := claims.get("iss"), str):
        values["iss"] = issuer[:_MAX_TEXT_LENGTH]
    values |= {name: text for name in _TEXTS if (text := _short_text(claims.get(name)))}
    values |= {name: url for name in _URLS if (url := _url(claims.get(name)))}
    # The names that clients of the first providers have looked for ever since.
    if name := values.get("name"):
        values["full_name"] = name
    if picture := values.get("picture"):
        values["avatar_url"] = picture
    if custom := _custom_claims(claims, custom_claims):
        values["custom_claims"] = custom
    is_proven = email is not None and is_verified(claims)
    values |= {"email": email or "", "email_verified": is_proven, "phone_verified": False}
    return ProviderProfile(subject, email, is_proven, values)


def metadata_from_profile(profile: ProviderProfile) -> dict[str, object]:
    """Return what an account's user metadata takes from a profile: access tokens carry it, so it is small."""
    metadata: dict[str, object] = {}
    for name in _METADATA:
        value = profile.claims.get(name)
        if value not in (None, "") and len(orjson.dumps({**metadata, name: value})) <= _MAX_METADATA_BYTES:
            metadata[name] = value
    return metadata


def with_apple_name(claims: Mapping[str, object], user_json: str | None) -> dict[str, object]:
    """Return the claims with the name that Apple sends once, through the browser.

    Whoever sits at the browser may have changed it: it is a name like one that is typed, and nothing else is read.
    """
    name = ""
    try:
        user = orjson.loads(user_json) if user_json else None
    except orjson.JSONDecodeError:
        user = None
    if isinstance(user, dict) and isinstance(parts := user.get("name"), dict):
        texts = (parts.get("firstName"), parts.get("lastName"))
        name = " ".join(text.strip() for text in texts if isinstance(text, str)).strip()
    return {**claims, "name": name} if name else dict(claims)


def _email(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        return normalize_email(value)
    except ValidationFailedError:
        return None


def _short_text(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    return re.sub(r"[\x00-\x1f\x7f]", "", value).strip()[:_MAX_TEXT_LENGTH] or None


def _url(value: object) -> str | None:
    if not isinstance(value, str) or len(value) > _MAX_URL_LENGTH:
        return None
    return value if re.fullmatch(r"https?://[\x21-\x7e]+", value) else None


def _custom_claims(claims: Mapping[str, object], names: tuple[str, ...]) -> dict[str, object]:
    values = {name: claims[name] for name in names if isinstance(claims.get(name), str | bool | int)}
    return {
        name: value[:_MAX_TEXT_LENGTH] if isinstance(value, str) else value
        for name, value in values.items()
        if not contains_nul(value)
    }
