"""The languages of what the program writes to people, and how one of them is chosen."""

from __future__ import annotations

from typing import Final

LOCALES: Final = ("en", "pt-BR")
"""The language tags (BCP 47) that the program has texts for; the first is the default."""
DEFAULT_LOCALE: Final = LOCALES[0]
_MAX_HEADER_LENGTH = 200


def match_locale(tag: str) -> str | None:
    """Return our locale for a language tag (`pt-br`, `pt-PT`, `en_GB`), or None for a language we do not have."""
    tag = tag.strip().replace("_", "-").lower()
    for locale in LOCALES:
        if tag == locale.lower():
            return locale
    # Another variety of a language that we have is closer than the default (RFC 4647 section 3.4).
    language = tag.partition("-")[0]
    return next((locale for locale in LOCALES if locale.partition("-")[0] == language), None)


def negotiate_locale(accept_language: str | None) -> str:
    """Return the locale that an `Accept-Language` header prefers (RFC 9110 section 12.5.4), else the default."""
    weighted_tags = []
    for position, part in enumerate((accept_language or "")[:_MAX_HEADER_LENGTH].split(",")):
        tag, _, parameter = part.partition(";")
        weight = _weight(parameter)
        if weight > 0 and (locale := match_locale(tag)):
            weighted_tags.append((-weight, position, locale))
    return min(weighted_tags)[2] if weighted_tags else DEFAULT_LOCALE


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        return float(value) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0
