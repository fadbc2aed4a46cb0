"""One-time tokens: what a mailed link or code is good for, and what the database knows of it."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.domains.auth.conftest import AuthApp, new_email, redirect_fragment


async def test_a_link_can_be_used_once(confirming_app: AuthApp) -> None:
    auth_app, email = confirming_app, new_email()
    await auth_app.sign_up_unconfirmed(email)
    link = auth_app.emails_to(email)[0].link
    await auth_app.follow(link)

    again = redirect_fragment(await auth_app.follow(link))

    assert again["error_code"] == "otp_expired"
    assert again["error_description"] == "Email link is invalid or has expired"
    assert "access_token" not in again


@pytest.mark.parametrize(("kind", "hours"), [("recover", 1), ("otp", 1), ("signup", 24)])
async def test_a_link_expires(confirming_app: AuthApp, kind: str, hours: int) -> None:
    auth_app, email = confirming_app, new_email()
    await auth_app.sign_up_unconfirmed(email)
    if kind != "signup":
        await auth_app.post(f"/{kind}", {"email": email})
    auth_app.clock.advance(hours * 3600)

    assert redirect_fragment(await auth_app.follow(auth_app.emails_to(email)[-1].link))["error_code"] == "otp_expired"


async def test_ten_wrong_codes_invalidate_the_code_but_not_the_link(confirming_app: AuthApp) -> None:
    auth_app, email = confirming_app, new_email()
    await auth_app.sign_up_unconfirmed(email)
    sent_email = auth_app.emails_to(email)[0]
    wrong = f"{(int(sent_email.code) + 1) % 1_000_000:06}"
    for _ in range(10):
        response = await auth_app.post("/verify", {"type": "signup", "email": email, "token": wrong})
        assert (response.status_code, response.json()["error_code"]) == (403, "otp_expired")

    right = await auth_app.post("/verify", {"type": "signup", "email": email, "token": sent_email.code})

    assert right.status_code == 403
    assert "access_token" in redirect_fragment(await auth_app.follow(sent_email.link))


async def test_a_new_code_does_not_reset_the_failed_attempts(confirming_app: AuthApp) -> None:
    auth_app, email = confirming_app, new_email()
    await auth_app.sign_up_unconfirmed(email)
    wrong = f"{(int(auth_app.emails_to(email)[0].code) + 1) % 1_000_000:06}"
    for _ in range(10):
        await auth_app.post("/verify", {"type": "signup", "email": email, "token": wrong})
    await auth_app.post("/resend", {"type": "signup", "email": email})
    code = auth_app.emails_to(email)[-1].code

    assert (await auth_app.post("/verify", {"type": "signup", "email": email, "token": code})).status_code == 403


async def test_a_code_is_valid_for_its_own_address_only(confirming_app: AuthApp) -> None:
    auth_app, mine, other = confirming_app, new_email(), new_email()
    await auth_app.sign_up_unconfirmed(mine)
    await auth_app.sign_up_unconfirmed(other)

    response = await auth_app.post(
        "/verify", {"type": "signup", "email": other, "token": auth_app.emails_to(mine)[0].code}
    )

    assert response.status_code == 403


async def test_the_database_stores_no_usable_token(confirming_app: AuthApp) -> None:
    auth_app, email = confirming_app, new_email()
    await auth_app.sign_up_unconfirmed(email)
    sent_email = auth_app.emails_to(email)[0]
    async with auth_app.repository.transaction() as transaction:
        row = await transaction.fetch_row("select * from auth.one_time_tokens where relates_to = $1", email)

    assert row is not None
    held = " ".join(str(value) for value in dict(row).values())
    assert sent_email.token not in held
    assert hashlib.sha224(f"{email}{sent_email.code}".encode()).hexdigest() not in held


async def test_a_stolen_link_is_useless_without_the_pkce_verifier(
    confirming_app: AuthApp,
) -> None:
    auth_app, email = confirming_app, new_email()
    verifier = "v" * 50
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    await auth_app.sign_up_unconfirmed(email, code_challenge=challenge, code_challenge_method="s256")
    sent_email = auth_app.emails_to(email)[0]
    assert sent_email.token.startswith("pkce_")

    followed = await auth_app.follow(sent_email.link)

    assert redirect_fragment(followed) == {}
    code = parse_qs(urlsplit(followed.headers["location"]).query)["code"][0]
    wrong = await auth_app.post("/token?grant_type=pkce", {"auth_code": code, "code_verifier": "w" * 50})
    assert (wrong.status_code, wrong.json()["error_code"]) == (400, "bad_code_verifier")
    late = await auth_app.post("/token?grant_type=pkce", {"auth_code": code, "code_verifier": verifier})
    assert (late.status_code, late.json()["error_code"]) == (404, "flow_state_not_found")


@pytest.mark.parametrize("method", ["s256", "plain"])
async def test_the_pkce_verifier_exchanges_the_code_for_a_session(auth_app: AuthApp, method: str) -> None:
    email = new_email()
    await auth_app.sign_up(email)
    verifier = "v" * 50
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    challenge = digest if method == "s256" else verifier
    await auth_app.post("/recover", {"email": email, "code_challenge": challenge, "code_challenge_method": method})
    followed = await auth_app.follow(auth_app.emails_to(email)[0].link)
    code = parse_qs(urlsplit(followed.headers["location"]).query)["code"][0]

    response = await auth_app.post("/token?grant_type=pkce", {"auth_code": code, "code_verifier": verifier})

    assert response.json()["user"]["email"] == email


@pytest.mark.parametrize(
    "challenge",
    [{"code_challenge": "x" * 43}, {"code_challenge_method": "s256"}]
    + [{"code_challenge": each, "code_challenge_method": "s256"} for each in ("short", "x" * 129, "é" * 50)]
    + [{"code_challenge": "x" * 43, "code_challenge_method": "md5"}],
)
async def test_a_malformed_pkce_challenge_is_refused(auth_app: AuthApp, challenge: dict[str, str]) -> None:
    response = await auth_app.post("/recover", {"email": "ada@example.com", **challenge})

    assert (response.status_code, response.json()["error_code"]) == (400, "validation_failed")
