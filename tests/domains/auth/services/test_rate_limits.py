"""Rate limits of auth: what counts as a sign-in attempt, and what a client learns of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from monynha.core.errors import (
    RateLimitedError,
)
from monynha.core.settings.setting_types import Limit
from monynha.domains.auth import ClientInfo, SignUpRequest
from monynha.infra.valkey import RateLimiter
from monynha.protocols.http.rate_limits import RateLimits
from tests.domains.auth.conftest import PASSWORD, AuthApp, MakeAuthApp, new_email


@pytest.fixture
def limited_app(make_auth_app: MakeAuthApp) -> AuthApp:
    """Return auth with the documented limits."""
    limits = RateLimits(RateLimiter(None), auth_per_account=Limit(5, 900), auth_per_ip=Limit(50, 900))
    return make_auth_app(autoconfirm=True, limits=limits)


async def test_the_sixth_attempt_is_refused_even_with_the_right_password(limited_app: AuthApp) -> None:
    email = new_email()
    await limited_app.sign_up(email)
    # On another device: those of a known one are counted apart.
    limited_app.http.cookies.clear()
    responses = [await limited_app.sign_in(email, "a wrong password") for _ in range(4)]

    sixth = await limited_app.sign_in(email)

    assert [response.status_code for response in responses] == [400] * 4
    assert [response.headers["ratelimit-remaining"] for response in responses] == ["3", "2", "1", "0"]
    assert (sixth.status_code, sixth.json()["error_code"]) == (429, "over_request_rate_limit")
    assert sixth.json()["msg"] == "Too many authentication attempts, please try again later"
    assert 0 < int(sixth.headers["retry-after"]) <= 900
    assert sixth.headers["ratelimit-remaining"] == "0"


def in_wide_letters(email: str, count: int) -> str:
    """Return the address with the first letters of its domain as full-width forms, which name the same domain."""
    name, _, domain = email.partition("@")
    return f"{name}@{''.join(chr(ord(letter) + 0xFEE0) for letter in domain[:count])}{domain[count:]}"


async def test_an_address_counts_once_however_it_is_written(limited_app: AuthApp) -> None:
    email = new_email()
    spellings = [in_wide_letters(email, count) for count in range(6)]

    statuses = [(await limited_app.sign_in(spelling, "a wrong password")).status_code for spelling in spellings]

    assert statuses == [400] * 5 + [429]


async def test_an_address_gets_one_email_a_minute_however_it_is_written(make_auth_app: MakeAuthApp) -> None:
    app, email = make_auth_app(autoconfirm=False, app_env="production"), new_email()

    statuses = [
        (await app.post("/recover", {"email": in_wide_letters(email, count)})).status_code for count in (0, 1, 2)
    ]

    assert statuses == [200, 429, 429]


async def test_new_passwords_are_counted_since_each_may_be_a_guess_at_the_current_one(limited_app: AuthApp) -> None:
    token = (await limited_app.sign_up())["access_token"]
    guesses = [f"A guess of number {number}" for number in range(5)]

    responses = [
        await limited_app.put("/user", {"password": guess, "nonce": "000000"}, token) for guess in [*guesses, PASSWORD]
    ]

    assert [response.status_code for response in responses] == [422] * 5 + [429]


async def test_requests_that_manage_factors_are_counted_by_user(limited_app: AuthApp) -> None:
    user, other = await limited_app.sign_up(), await limited_app.sign_up()
    for _ in range(300):
        await limited_app.auth.rate_limits.count_factor_request(UUID(user["user"]["id"]))

    refused = await limited_app.post("/factors", {"factor_type": "totp"}, user["access_token"])
    accepted = await limited_app.post("/factors", {"factor_type": "totp"}, other["access_token"])

    assert (refused.status_code, accepted.status_code) == (429, 200)


async def test_requests_for_passkeys_are_counted_by_the_network_of_an_ipv6_client(limited_app: AuthApp) -> None:
    rate_limits = limited_app.auth.rate_limits
    for number in range(300):
        await rate_limits.count_passkey_options(f"2001:db8:7:7::{number:x}")

    with pytest.raises(RateLimitedError):
        await rate_limits.count_passkey_options("2001:db8:7:7:ffff::1")
    await rate_limits.count_passkey_options("2001:db8:7:8::1")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/token?grant_type=password", {"password": "a wrong one"}),
        ("/signup", {"password": "short"}),
        ("/otp", {}),
        ("/magiclink", {}),
        ("/recover", {}),
        ("/resend", {"type": "signup"}),
        ("/verify", {"type": "signup", "token": "123456"}),
    ],
)
async def test_all_routes_that_guess_at_accounts_share_one_count(
    limited_app: AuthApp, path: str, body: dict[str, Any]
) -> None:
    email = new_email()
    for _ in range(5):
        assert (await limited_app.post(path, {"email": email, **body})).status_code != 429

    assert (await limited_app.post(path, {"email": email, **body})).status_code == 429
    assert (await limited_app.sign_in(email)).status_code == 429


async def test_refresh_user_and_logout_are_not_counted(limited_app: AuthApp) -> None:
    session = await limited_app.sign_up()
    for _ in range(60):
        assert (await limited_app.get("/user", session["access_token"])).status_code == 200
        session |= (await limited_app.refresh(session["refresh_token"])).json()

    assert (await limited_app.post("/logout", token=session["access_token"])).status_code == 204


async def test_links_and_malformed_bodies_count_by_client_ip_only(limited_app: AuthApp) -> None:
    for _ in range(50):
        assert (await limited_app.get("/verify?type=signup&token=guess")).status_code == 303

    assert (await limited_app.get("/verify?type=signup&token=guess")).status_code == 429
    assert (await limited_app.post("/token?grant_type=password", {})).status_code == 429


async def test_a_sign_up_by_the_api_is_counted(limited_app: AuthApp) -> None:
    email = new_email()
    await limited_app.auth.accounts.sign_up(SignUpRequest(email, PASSWORD, name="Ada"), ClientInfo("127.0.0.1"))
    for _ in range(4):
        await limited_app.sign_in(email, "a wrong password")

    with pytest.raises(RateLimitedError):
        await limited_app.auth.accounts.sign_up(SignUpRequest(email, PASSWORD), ClientInfo("127.0.0.1"))


async def test_in_production_an_address_gets_one_email_a_minute(make_auth_app: MakeAuthApp) -> None:
    auth_app = make_auth_app(autoconfirm=True, app_env="production")
    registered, unknown = new_email(), new_email()
    created = await auth_app.post("/admin/users", {"email": registered, "email_confirm": True}, auth_app.service_key)
    assert created.status_code == 200

    for email in (registered, unknown):
        first = await auth_app.post("/recover", {"email": email})
        second = await auth_app.post("/otp", {"email": email, "create_user": False})
        assert first.status_code == 200
        assert (second.status_code, second.json()["error_code"]) == (429, "over_email_send_rate_limit")
        assert second.json()["msg"].startswith("For security purposes, you can only request this after ")


async def test_email_changes_are_limited_by_user(make_auth_app: MakeAuthApp) -> None:
    limits = RateLimits(RateLimiter(None), auth_per_account=Limit(5, 900))
    auth_app = make_auth_app(autoconfirm=False, limits=limits)
    user = await auth_app.create_user()
    token = (await auth_app.sign_in(user["email"])).json()["access_token"]

    responses = [await auth_app.put("/user", {"email": new_email()}, token) for _ in range(6)]

    assert [response.status_code for response in responses] == [200] * 5 + [429]
    with pytest.raises(RateLimitedError):
        await auth_app.auth.accounts.change_email(UUID(user["id"]), new_email())


async def test_sign_ups_by_the_api_are_limited_to_one_email_a_minute(make_auth_app: MakeAuthApp) -> None:
    auth_app, email = make_auth_app(autoconfirm=False, app_env="production"), new_email()
    password = "four words no one guesses"
    await auth_app.auth.accounts.sign_up(SignUpRequest(email, password), ClientInfo("127.0.0.1"))

    with pytest.raises(RateLimitedError) as refused:
        await auth_app.auth.accounts.sign_up(SignUpRequest(email, password), ClientInfo("127.0.0.2"))

    assert refused.value.code == "RATE_LIMITED"
