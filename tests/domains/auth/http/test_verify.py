"""Routes of verification: requests, redirects and previews."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.domains.auth.conftest import PASSWORD, AuthApp, new_email, redirect_fragment


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


VERIFIER = "a-verifier-of-at-least-forty-three-characters-0123"
PKCE = {
    "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode(),
    "code_challenge_method": "s256",
}


async def links_of_flow(auth_app: AuthApp, flow: str) -> list[str]:
    """Begin a flow with a PKCE challenge, and return the links that its mails have."""
    email, new = new_email(), new_email("new")
    if flow != "signup":
        await auth_app.create_user(email=email)
    match flow:
        case "signup":
            await auth_app.post("/signup", {"email": email, "password": PASSWORD, **PKCE})
        case "otp":
            await auth_app.post("/otp", {"email": email, **PKCE})
        case "recover":
            await auth_app.post("/recover", {"email": email, **PKCE})
        case "resend":
            other = new_email("other")
            await auth_app.post("/signup", {"email": other, "password": PASSWORD})
            await auth_app.post("/resend", {"type": "signup", "email": other, **PKCE})
            return [auth_app.emails_to(other)[-1].link]
        case _:
            token = (await auth_app.sign_in(email)).json()["access_token"]
            await auth_app.put("/user", {"email": new, **PKCE}, token)
            return [auth_app.emails_to(email)[-1].link, auth_app.emails_to(new)[-1].link]
    return [auth_app.emails_to(email)[-1].link]


@pytest.mark.parametrize("flow", ["signup", "otp", "recover", "resend", "email change"])
async def test_a_link_of_any_flow_with_a_challenge_gives_a_code_for_the_verifier_alone(
    confirming_app: AuthApp, flow: str
) -> None:
    *first_links, last_link = await links_of_flow(confirming_app, flow)
    for link in first_links:
        half = urlsplit((await confirming_app.follow(link)).headers["location"])
        assert "message" in parse_qs(half.query)
        assert "access_token" not in half.fragment

    location = urlsplit((await confirming_app.follow(last_link)).headers["location"])
    [code] = parse_qs(location.query)["code"]
    body = {"auth_code": code, "code_verifier": VERIFIER}
    session = await confirming_app.post("/token?grant_type=pkce", body)
    again = await confirming_app.post("/token?grant_type=pkce", body)

    assert location.fragment == ""
    assert session.json()["user"]["email_confirmed_at"]
    assert (again.status_code, again.json()["error_code"]) == (404, "flow_state_not_found")


@pytest.mark.parametrize("flow", ["signup", "otp", "recover", "resend", "email change"])
async def test_a_stolen_link_is_worth_nothing_without_the_verifier(confirming_app: AuthApp, flow: str) -> None:
    for link in await links_of_flow(confirming_app, flow):
        location = urlsplit((await confirming_app.follow(link)).headers["location"])
    [code] = parse_qs(location.query)["code"]

    guessed = await confirming_app.post("/token?grant_type=pkce", {"auth_code": code, "code_verifier": "x" * 43})
    late = await confirming_app.post("/token?grant_type=pkce", {"auth_code": code, "code_verifier": VERIFIER})

    assert (guessed.status_code, guessed.json()["error_code"]) == (400, "bad_code_verifier")
    assert late.status_code == 404
