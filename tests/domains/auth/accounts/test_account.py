"""Account values: display names and bans."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from monynha.domains.auth.accounts.account import Account, display_name

NOW = datetime(2026, 1, 31, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("metadata", "email", "name"),
    [
        ({"name": "Ada", "full_name": "Ada Lovelace"}, "ada@example.com", "Ada"),
        ({"name": " Ada ", "full_name": "x"}, None, "Ada"),
        ({"name": "   ", "full_name": "Ada Lovelace"}, "ada@example.com", "Ada Lovelace"),
        ({"name": 5}, "ada@example.com", "ada"),
        ({"name": "x" * 300}, None, "x" * 255),
        ({}, '"a@b"@example.com', '"a@b"'),
        ({}, None, "Guest"),
    ],
)
def test_the_name_is_from_the_metadata_or_the_address(
    metadata: dict[str, object], email: str | None, name: str
) -> None:
    assert display_name(metadata, email) == name


@pytest.mark.parametrize(
    ("banned_until", "is_banned"),
    [(None, False), (NOW - timedelta(seconds=1), False), (NOW, False), (NOW + timedelta(seconds=1), True)],
)
def test_a_ban_ends(banned_until: datetime | None, is_banned: bool) -> None:
    account = Account(uuid4(), {}, {}, NOW, NOW, banned_until=banned_until)

    assert account.is_banned(NOW) is is_banned


def test_a_password_hash_is_not_printed() -> None:
    assert "secret hash" not in repr(Account(uuid4(), {}, {}, NOW, NOW, password_hash="secret hash"))
