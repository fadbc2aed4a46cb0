"""What a client learns about a person, by its scopes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.oauth_server.identity_claims import identity_claims

AT = datetime(2026, 11, 27, tzinfo=UTC)
ACCOUNT = Account(
    UUID(int=1),
    {"role": "admin"},
    {"name": "Ada", "avatar_url": "https://a.example/1.png", "preferred_username": 7, "secret": "x"},
    AT,
    AT,
    email="ada@example.com",
)
SUB = {"sub": str(ACCOUNT.id)}
PROFILE = {"name": "Ada", "updated_at": int(AT.timestamp()), "picture": "https://a.example/1.png"}
EMAIL = {"email": "ada@example.com", "email_verified": False}


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        ((), SUB),
        (("read", "write", "admin", "openid"), SUB),
        (("profile",), {**SUB, **PROFILE}),
        (("email",), {**SUB, **EMAIL}),
        (("profile", "email"), {**SUB, **PROFILE, **EMAIL}),
    ],
)
def test_each_scope_tells_its_own(scopes: tuple[str, ...], expected: dict[str, object]) -> None:
    assert identity_claims(ACCOUNT, scopes) == expected


def test_what_is_not_there_is_left_out() -> None:
    nobody = replace(ACCOUNT, email=None, user_metadata={"picture": ""})

    assert identity_claims(nobody, ("profile", "email")).keys() == {"sub", "name", "updated_at"}
