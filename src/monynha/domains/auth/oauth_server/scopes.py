"""The scopes: three for the API, which the database enforces, and three for what a client learns about the person."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

API_SCOPES: Final = ("read", "write", "admin")
SCOPES: Final = (*API_SCOPES, "openid", "profile", "email")
DYNAMIC_CLIENT_SCOPES: Final = tuple(scope for scope in SCOPES if scope != "admin")
"""What a client that has registered itself may request: `admin` is for those that an admin has registered."""
DEFAULT_SCOPES: Final = ("email",)
"""Of a request that names none, as upstream: nothing of the API."""
_ACCEPTED_WITHOUT_EFFECT: Final = ("offline_access",)
"""Asks for a refresh token (OpenID Connect Core §11), which each client gets that is registered for it."""


def parse_scopes(text: str) -> tuple[str, ...]:
    """Return the scopes of a space-separated list, each once, in our order; ValueError for one that is unknown."""
    names = {name for name in text.split(" ") if name}
    unknown = sorted(names.difference(SCOPES, _ACCEPTED_WITHOUT_EFFECT))
    if unknown:
        raise ValueError(f"unsupported scope: {unknown[0][:50]}")
    return in_order(names)


def in_order(names: Collection[str]) -> tuple[str, ...]:
    """Return those of the names that are scopes, each once, in our order."""
    return tuple(scope for scope in SCOPES if scope in names)


def format_scopes(scopes: Iterable[str]) -> str:
    """Return scopes as the wire has them: separated by spaces."""
    return " ".join(scopes)
