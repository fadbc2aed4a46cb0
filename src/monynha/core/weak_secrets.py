"""Weak secrets: keys and passwords that anybody can guess, which stop the start in production."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

_PLACEHOLDER_WORDS: Final = (
    "secret",
    "password",
    "changeme",
    "change-me",
    "change_me",
    "example",
    "your-",
    "your_",
    "1234567890",
)
_COMMON_PASSWORDS: Final = frozenset(
    {
        "postgres",
        "postgresql",
        "password",
        "passwd",
        "pass",
        "admin",
        "root",
        "user",
        "test",
        "secret",
        "changeme",
        "change-me",
        "change_me",
        "example",
        "monynha",
        "redis",
        "valkey",
        "1234",
        "12345",
        "123456",
        "1234567",
        "12345678",
        "123456789",
        "1234567890",
        "your-super-secret-and-long-postgres-password",
    }
)


def is_weak_key(key: str) -> bool:
    """Whether a signing key is a placeholder or too regular to be random."""
    # 32 random hex digits have fewer than 8 different ones less than once in ten million draws.
    return len(set(key)) < 8 or any(word in key.lower() for word in _PLACEHOLDER_WORDS)


def has_weak_password(url: str | None) -> bool:
    """Whether a URL contains a password that attackers try first; no password (socket, certificate) is not weak."""
    parts = urlsplit(url or "")
    raw_password = unquote(parts.password or "") or dict(parse_qsl(parts.query)).get("password", "")
    password, username = raw_password.lower(), unquote(parts.username or "").lower()
    return bool(password) and (password == username or password in _COMMON_PASSWORDS)
