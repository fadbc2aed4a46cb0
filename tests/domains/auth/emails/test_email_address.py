"""Email addresses: one form for equal addresses."""

from __future__ import annotations

import pytest

from monynha.core.errors import ValidationFailedError
from monynha.domains.auth.emails.email_address import normalize_email


@pytest.mark.parametrize(
    ("text", "email"),
    [
        (" Ada@Example.COM ", "ada@example.com"),
        ("ada@server", "ada@server"),
        ("ADA+tag@example.com", "ada+tag@example.com"),
        ("jo\u0308rg@example.com", "j\u00f6rg@example.com"),
    ],
)
def test_equal_addresses_have_one_form(text: str, email: str) -> None:
    assert normalize_email(text) == email


@pytest.mark.parametrize(
    "text", ["", "ada", "@example.com", "a@b@c.co", "a b@example.com", "a\x00@example.com", "a" * 300 + "@b.co"]
)
def test_an_invalid_address_is_refused(text: str) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        normalize_email(text)

    assert refused.value.details == {"email": "must be a valid email address"}
