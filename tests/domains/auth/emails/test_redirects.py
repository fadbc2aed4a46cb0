"""Where a mailed link leads back to, and what it is worth without the client's verifier."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from tests.domains.auth.conftest import PASSWORD, AuthApp, MakeAuthApp, new_email
from tests.domains.auth.email_links import follow, fragment, sign_up


@pytest.mark.parametrize(
    "evil",
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
async def test_tokens_are_never_sent_to_a_stranger(make_desk: MakeAuthApp, evil: str) -> None:
    desk = make_desk(autoconfirm=False, site_url="https://monynha.test")
    address = new_email()
    await desk.post(f"/signup?redirect_to={quote(evil)}", {"email": address, "password": PASSWORD})
    letter = desk.emails_to(address)[0]
    asked = parse_qs(urlsplit(letter.link).query)["redirect_to"]
    assert asked == ["https://monynha.test"]

    followed = await desk.get(f"/verify?token={letter.token}&type=signup&redirect_to={quote(evil)}")

    assert "access_token" in fragment(followed)
    location = followed.headers["location"]
    assert urlsplit(location)[:3] == ("https", "monynha.test", "/")
    assert "evil" not in location


@pytest.mark.parametrize(
    ("wanted", "changes", "is_allowed"),
    [
        ("https://monynha.test/welcome?a=1", {}, True),
        ("https://app.example/callback", {"cors_origins": ("https://app.example",)}, True),
        ("https://app.example:444/callback", {"cors_origins": ("https://app.example",)}, False),
        ("http://localhost:3000/x", {}, True),
        ("http://localhost:3000/x", {"app_env": "production"}, False),
    ],
)
async def test_a_page_of_ours_may_be_gone_back_to(
    make_desk: MakeAuthApp, wanted: str, changes: dict[str, Any], is_allowed: bool
) -> None:
    desk = make_desk(autoconfirm=False, site_url="https://monynha.test", **changes)
    address = new_email()
    await desk.post(f"/signup?redirect_to={quote(wanted)}", {"email": address, "password": PASSWORD})

    location = (await follow(desk, desk.emails_to(address)[0].link)).headers["location"]

    assert location.startswith(wanted if is_allowed else "https://monynha.test/#")


async def test_a_foreign_host_header_does_not_reach_the_mail(make_desk: MakeAuthApp) -> None:
    desk = make_desk(autoconfirm=True, site_url="https://monynha.test")
    address = new_email()
    await desk.sign_up(address)
    evil = {"host": "evil.example", "x-forwarded-host": "evil.example", "forwarded": "host=evil.example"}
    await desk.post("/recover", {"email": address}, headers=evil)

    letter = desk.emails_to(address)[0]

    assert "evil" not in letter.text
    assert letter.link.startswith("https://monynha.test/auth/v1/verify?")


async def test_a_caught_link_is_worth_nothing_without_the_clients_verifier(
    mailing_desk: AuthApp,
) -> None:
    desk, address = mailing_desk, new_email()
    verifier = "v" * 50
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    await sign_up(desk, address, code_challenge=challenge, code_challenge_method="s256")
    letter = desk.emails_to(address)[0]
    assert letter.token.startswith("pkce_")

    followed = await follow(desk, letter.link)

    assert fragment(followed) == {}
    code = parse_qs(urlsplit(followed.headers["location"]).query)["code"][0]
    wrong = await desk.post("/token?grant_type=pkce", {"auth_code": code, "code_verifier": "w" * 50})
    assert (wrong.status_code, wrong.json()["error_code"]) == (400, "bad_code_verifier")
    late = await desk.post("/token?grant_type=pkce", {"auth_code": code, "code_verifier": verifier})
    assert (late.status_code, late.json()["error_code"]) == (404, "flow_state_not_found")


@pytest.mark.parametrize("method", ["s256", "plain"])
async def test_the_verifier_turns_the_code_into_a_session(desk: AuthApp, method: str) -> None:
    address = new_email()
    await desk.sign_up(address)
    verifier = "v" * 50
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    challenge = digest if method == "s256" else verifier
    await desk.post("/recover", {"email": address, "code_challenge": challenge, "code_challenge_method": method})
    followed = await follow(desk, desk.emails_to(address)[0].link)
    code = parse_qs(urlsplit(followed.headers["location"]).query)["code"][0]

    answer = await desk.post("/token?grant_type=pkce", {"auth_code": code, "code_verifier": verifier})

    assert answer.json()["user"]["email"] == address


@pytest.mark.parametrize(
    "challenge",
    [{"code_challenge": "x" * 43}, {"code_challenge_method": "s256"}]
    + [{"code_challenge": each, "code_challenge_method": "s256"} for each in ("short", "x" * 129, "é" * 50)]
    + [{"code_challenge": "x" * 43, "code_challenge_method": "md5"}],
)
async def test_a_malformed_challenge_is_refused(desk: AuthApp, challenge: dict[str, str]) -> None:
    answer = await desk.post("/recover", {"email": "ada@example.com", **challenge})

    assert (answer.status_code, answer.json()["error_code"]) == (400, "validation_failed")
