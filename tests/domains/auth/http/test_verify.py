"""Routes of verification: requests, redirects and previews."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.domains.auth.conftest import AuthApp, new_email, redirect_fragment


async def test_a_preview_with_head_does_not_consume_the_link(confirming_app: AuthApp) -> None:
    auth_app, email = confirming_app, new_email()
    await auth_app.sign_up_unconfirmed(email)
    link = auth_app.emails_to(email)[0].link
    url_parts = urlsplit(link)
    await auth_app.http.head(f"{url_parts.path}?{url_parts.query}")

    assert "access_token" in redirect_fragment(await auth_app.follow(link))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"type": "signup"},
        {"type": "nonsense", "token_hash": "x"},
        {"type": "signup", "token_hash": "x", "email": "a@b.co"},
        {"type": "signup", "token": "123456"},
        {"type": ["signup"], "token_hash": "x"},
    ],
)
async def test_a_malformed_verification_is_refused(auth_app: AuthApp, body: dict[str, Any]) -> None:
    response = await auth_app.post("/verify", body)

    assert (response.status_code, response.json()["error_code"]) == (400, "validation_failed")
