"""Weak secrets: placeholders and common passwords are found, random ones pass."""

from __future__ import annotations

import secrets

import pytest

from monynha.core.weak_secrets import has_weak_password, is_weak_key


@pytest.mark.parametrize(
    "key", ["", "a" * 64, "your-256-bit-key-0123456789abcdef", "Super-SECRET-0123456789abcdefghij", "abababab" * 8]
)
def test_placeholder_or_regular_key_is_weak(key: str) -> None:
    assert is_weak_key(key)


def test_random_key_is_not_weak() -> None:
    assert not is_weak_key(secrets.token_hex(32))


@pytest.mark.parametrize(
    ("url", "is_weak"),
    [
        ("postgresql://app:postgres@db/board", True),
        ("postgresql://app:App@db/board", True),
        ("redis://:redis@cache", True),
        ("unix:///run/valkey.sock?password=Admin", True),
        ("postgresql://app:Zk8%40w2Qd@db/board", False),
        ("postgresql://app@/board?host=/run", False),
        (None, False),
    ],
)
def test_password_of_a_url_is_weak_if_attackers_try_it_first(url: str | None, is_weak: bool) -> None:
    assert has_weak_password(url) is is_weak
