"""Settings of the providers that people sign in with: a family of names, one set for each provider.

`<NAME>` is the provider: one of `KNOWN_PROVIDERS`, or any name of an OpenID Connect provider, which has an issuer.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from monynha.core.errors import SettingsError
from monynha.core.settings import setting_types
from monynha.core.settings.declaration import PREFIX, Setting
from monynha.core.settings.setting_types import SettingType

FAMILY: Final = f"{PREFIX}OAUTH_"
KNOWN_PROVIDERS: Final = ("APPLE", "AZURE", "GITHUB", "GITLAB", "GOOGLE")
"""The providers whose issuer the program knows."""
_SYNONYMS: Final = {"MICROSOFT": "AZURE", "ENTRA": "AZURE"}
_NAME: Final = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")
_MAX_NAME_LENGTH: Final = 40
_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_APPLE_SETTINGS: Final = ("TEAM_ID", "KEY_ID")


@dataclass(frozen=True, slots=True)
class OAuthProviderSettings:
    """The settings of one provider; `name` is in lower case."""

    name: str
    client_ids: tuple[str, ...]
    """The first is ours; ID tokens of the others, such as those of a mobile app, are accepted too."""
    secret: str = field(repr=False)
    issuer: str | None = None
    scopes: tuple[str, ...] = ()
    """Further scopes to request."""
    team_id: str = ""
    key_id: str = ""
    """Apple's: who signed up for the key, and which key `secret` is."""

    def to_environment(self) -> dict[str, str]:
        """Return the texts from which `parse_oauth_providers` makes the same settings."""
        texts = {
            "CLIENT_ID": ",".join(self.client_ids),
            "SECRET": self.secret,
            "ISSUER": self.issuer or "",
            "SCOPES": " ".join(self.scopes),
            "TEAM_ID": self.team_id,
            "KEY_ID": self.key_id,
        }
        return {f"{FAMILY}{self.name.upper()}_{suffix}": text for suffix, text in texts.items() if text}


def _parse_words(text: str) -> tuple[str, ...]:
    words = tuple(word for word in re.split(r"[,\s]+", text) if word)
    if not words or not all(_SCOPE.fullmatch(word) for word in words):
        raise ValueError
    return words


def _parse_secret(text: str) -> str:
    # A key file is written in one line where the environment allows no line breaks.
    return text.replace("\\n", "\n")


def _parse_issuer(text: str) -> str:
    """Return the URL exactly as given: tokens name their issuer character by character."""
    parts = urlsplit(text)
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.username is not None
        or parts.query
        or parts.fragment
        or not text.isascii()
    ):
        raise ValueError
    _ = parts.port  # raises ValueError for a port that is no number
    return text


_WORDS = SettingType("words, separated by spaces or commas", _parse_words)
_SECRET = SettingType("the secret", _parse_secret, is_secret=True)
_ISSUER = SettingType("a URL like https://login.example.org", _parse_issuer)


def _setting(suffix: str, value_type: SettingType[object], description: str) -> Setting:
    return Setting(f"{FAMILY}<NAME>_{suffix}", value_type, None, None, description)


OAUTH_PROVIDER_SETTINGS: Final = {
    "CLIENT_ID": _setting(
        "CLIENT_ID",
        _WORDS,
        "The program's client id at the provider `<NAME>`, which turns the provider on: APPLE, AZURE, GITHUB, GITLAB,"
        " GOOGLE, or another name with an issuer. Further ids are accepted in ID tokens of your own apps.",
    ),
    "SECRET": _setting(
        "SECRET",
        _SECRET,
        "The client secret at the provider; of APPLE the private key (`.p8`), from which one is made.",
    ),
    "SECRET_FILE": _setting("SECRET_FILE", setting_types.file, "A file with the secret, instead of the secret."),
    "ISSUER": _setting(
        "ISSUER",
        _ISSUER,
        "The issuer of an OpenID Connect provider; of GITHUB and GITLAB the URL of a server of your own, of AZURE that"
        " of one tenant.",
    ),
    "SCOPES": _setting("SCOPES", _WORDS, "Scopes to request beside those that signing in needs."),
    "TEAM_ID": _setting("TEAM_ID", setting_types.one_line, "Of APPLE: the team that the key belongs to."),
    "KEY_ID": _setting("KEY_ID", setting_types.one_line, "Of APPLE: the id of the private key."),
}
"""The settings of each provider by the end of their names."""


def family_name(name: str) -> str | None:
    """Return the name with `<NAME>` for the provider's; None for a name that is not of the family."""
    for suffix in sorted(OAUTH_PROVIDER_SETTINGS, key=len, reverse=True):
        if name.startswith(FAMILY) and name.endswith(f"_{suffix}") and _NAME.fullmatch(_provider_of(name, suffix)):
            return f"{FAMILY}<NAME>_{suffix}"
    return None


def _provider_of(name: str, suffix: str) -> str:
    return name[len(FAMILY) : -len(suffix) - 1]


def parse_oauth_providers(
    texts: Mapping[str, str], other_settings: Collection[str], *, is_production: bool
) -> tuple[tuple[OAuthProviderSettings, ...], frozenset[str]]:
    """Return the providers that are set, by name, and the names of their settings.

    `other_settings` are names of single settings, which are not of the family. Raises SettingsError for a setting
    of the wrong form, for one that lacks another, and for a misspelled name.
    """
    by_provider: dict[str, dict[str, str]] = {}
    own_names = frozenset(name for name in texts if name.startswith(FAMILY) and name not in other_settings)
    for name in sorted(own_names):
        family = family_name(name)
        if family is None:
            raise SettingsError(f"{name}: there is no such setting; {_hint(name, other_settings)}")
        suffix = family.partition(">_")[2]
        by_provider.setdefault(_provider_of(name, suffix), {})[suffix] = texts[name]
    providers = (_parse_provider(name, values, is_production) for name, values in sorted(by_provider.items()))
    return tuple(providers), own_names


def _hint(name: str, other_settings: Collection[str]) -> str:
    candidates = [f"{FAMILY}{provider}_{suffix}" for provider in KNOWN_PROVIDERS for suffix in OAUTH_PROVIDER_SETTINGS]
    similar_names = get_close_matches(name, [*candidates, *other_settings], n=1)
    return f"did you mean {similar_names[0]}?" if similar_names else "docs/generated/settings.md lists all"


def _parse_provider(name: str, texts: Mapping[str, str], is_production: bool) -> OAuthProviderSettings:
    prefix = f"{FAMILY}{name}_"
    if name in _SYNONYMS:
        raise SettingsError(f"{prefix}{min(texts)}: this provider is called {_SYNONYMS[name]}")
    if len(name) > _MAX_NAME_LENGTH:
        raise SettingsError(f"{prefix}{min(texts)}: the provider's name has at most {_MAX_NAME_LENGTH} characters")
    for suffix in ("CLIENT_ID", "SECRET", *(_APPLE_SETTINGS if name == "APPLE" else ())):
        if suffix not in texts and not (suffix == "SECRET" and "SECRET_FILE" in texts):
            raise SettingsError(f"{prefix}{suffix}: is missing, because {prefix}{min(texts)} is set")
    if "SECRET" in texts and "SECRET_FILE" in texts:
        raise SettingsError(f"{prefix}SECRET_FILE: set it or {prefix}SECRET, not both")
    if name not in KNOWN_PROVIDERS and "ISSUER" not in texts:
        similar = get_close_matches(name, KNOWN_PROVIDERS, n=1)
        hint = f" (did you mean {similar[0]}?)" if similar else ""
        raise SettingsError(f"{prefix}ISSUER: is missing, because {name} is not a provider that is known{hint}")
    for suffix in ("ISSUER",) if name == "APPLE" else _APPLE_SETTINGS:
        if suffix in texts:
            raise SettingsError(f"{prefix}{suffix}: the provider {name} has no such setting")
    values = {suffix: _parse(prefix, suffix, text) for suffix, text in texts.items()}
    issuer = values.get("ISSUER")
    if is_production and isinstance(issuer, str) and not setting_types.is_tls_or_local(issuer):
        raise SettingsError(f"{prefix}ISSUER: production requires https://")
    return OAuthProviderSettings(
        name.lower(),
        client_ids=values["CLIENT_ID"],  # type: ignore[arg-type]  # parsed by the types above
        secret=str(values.get("SECRET") or _read_secret(f"{prefix}SECRET_FILE", values["SECRET_FILE"])),
        issuer=issuer,  # type: ignore[arg-type]  # likewise
        scopes=values.get("SCOPES", ()),  # type: ignore[arg-type]  # likewise
        team_id=str(values.get("TEAM_ID", "")),
        key_id=str(values.get("KEY_ID", "")),
    )


def _parse(prefix: str, suffix: str, text: str) -> object:
    value_type = OAUTH_PROVIDER_SETTINGS[suffix].value_type
    try:
        return value_type.parse(text)
    except (ValueError, RuntimeError):
        given_text = "" if value_type.is_secret else f", not {text[:80]!r}"
        raise SettingsError(f"{prefix}{suffix}: expected {value_type.expects}{given_text}") from None


def _read_secret(setting: str, path: object) -> str:
    assert isinstance(path, Path)  # parsed as one
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{setting}: {path} cannot be read ({type(error).__name__})") from error
    if not secret:
        raise SettingsError(f"{setting}: {path} is empty")
    return secret
