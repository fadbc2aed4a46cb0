"""Redirect policy: where a mailed link may lead."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from tests.domains.auth.conftest import PASSWORD, MakeAuthApp, new_email, redirect_fragment


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "//evil.example/",
        "https:evil.example",
        "https://monynha.test@evil.example/",
        "https://monynha.test.evil.example/",
        "http://127.0.0.1:8000@evil.example/",
        "http://127.0.0.1:8000\\@evil.example/",
        "http://127.0.0.1:8000%00.evil.example/",
        "http://127.0.0.1.evil.example/",
        "javascript:alert(1)",
        "data:text/html,x",
        "http://evil.example\\@127.0.0.1/",
        "http://127.0.0.1:8000\r\nSet-Cookie: x=1",
        "http://[::1]evil.example/",
        "http://127.0.0.1:99999999/",
        "x" * 5000,
    ],
    ids=range(16),
)
async def test_tokens_are_never_sent_to_another_site(make_auth_app: MakeAuthApp, url: str) -> None:
    auth_app = make_auth_app(autoconfirm=False, site_url="https://monynha.test")
    email = new_email()
    await auth_app.post(f"/signup?redirect_to={quote(url)}", {"email": email, "password": PASSWORD})
    sent_email = auth_app.emails_to(email)[0]
    redirects = parse_qs(urlsplit(sent_email.link).query)["redirect_to"]
    assert redirects == ["https://monynha.test"]

    followed = await auth_app.get(f"/verify?token={sent_email.token}&type=signup&redirect_to={quote(url)}")

    assert "access_token" in redirect_fragment(followed)
    location = followed.headers["location"]
    assert urlsplit(location)[:3] == ("https", "monynha.test", "/")
    assert "evil" not in location


@pytest.mark.parametrize(
    ("url", "changes", "is_allowed"),
    [
        ("https://monynha.test/welcome?a=1", {}, True),
        ("https://app.example/callback", {"cors_origins": ("https://app.example",)}, True),
        ("https://app.example:444/callback", {"cors_origins": ("https://app.example",)}, False),
        ("http://localhost:3000/x", {}, True),
        ("http://localhost:3000/x", {"app_env": "production"}, False),
    ],
)
async def test_allowed_pages_are_redirected_to(
    make_auth_app: MakeAuthApp, url: str, changes: dict[str, Any], is_allowed: bool
) -> None:
    auth_app = make_auth_app(autoconfirm=False, site_url="https://monynha.test", **changes)
    email = new_email()
    await auth_app.post(f"/signup?redirect_to={quote(url)}", {"email": email, "password": PASSWORD})

    location = (await auth_app.follow(auth_app.emails_to(email)[0].link)).headers["location"]

    assert location.startswith(url if is_allowed else "https://monynha.test/#")
