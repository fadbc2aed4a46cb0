"""What counts as a try to sign in, and what a client hears of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from monynha.core.errors import RateLimitedError
from monynha.core.settings.setting_types import Limit
from monynha.domains.auth import ClientInfo, SignUpRequest
from monynha.infra.valkey import RateLimiter
from monynha.protocols.http.rate_limits import RateLimits
from tests.domains.auth.conftest import PASSWORD, AuthApp, MakeAuthApp, new_email


@pytest.fixture
def limited(make_desk: MakeAuthApp) -> AuthApp:
    """Return auth with the limits of the contract."""
    limits = RateLimits(RateLimiter(None), auth_per_account=Limit(5, 900), auth_per_ip=Limit(50, 900))
    return make_desk(autoconfirm=True, limits=limits)


async def test_the_sixth_try_is_refused_also_with_the_right_password(limited: AuthApp) -> None:
    address = new_email()
    await limited.sign_up(address)
    answers = [await limited.sign_in(address, "a wrong password") for _ in range(4)]

    sixth = await limited.sign_in(address)

    assert [answer.status_code for answer in answers] == [400] * 4
    assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["3", "2", "1", "0"]
    assert (sixth.status_code, sixth.json()["error_code"]) == (429, "over_request_rate_limit")
    assert sixth.json()["msg"] == "Too many authentication attempts, please try again later"
    assert 0 < int(sixth.headers["retry-after"]) <= 900
    assert sixth.headers["ratelimit-remaining"] == "0"


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
async def test_all_that_is_like_a_sign_in_is_counted_together(
    limited: AuthApp, path: str, body: dict[str, Any]
) -> None:
    address = new_email()
    for _ in range(5):
        assert (await limited.post(path, {"email": address, **body})).status_code != 429

    assert (await limited.post(path, {"email": address, **body})).status_code == 429
    assert (await limited.sign_in(address)).status_code == 429


async def test_refreshing_looking_and_leaving_are_not_counted(limited: AuthApp) -> None:
    session = await limited.sign_up()
    for _ in range(60):
        assert (await limited.get("/user", session["access_token"])).status_code == 200
        session |= (await limited.refresh(session["refresh_token"])).json()

    assert (await limited.post("/logout", token=session["access_token"])).status_code == 204


async def test_links_and_malformed_bodies_count_by_address_alone(limited: AuthApp) -> None:
    for _ in range(50):
        assert (await limited.get("/verify?type=signup&token=guess")).status_code == 303

    assert (await limited.get("/verify?type=signup&token=guess")).status_code == 429
    assert (await limited.post("/token?grant_type=password", {})).status_code == 429


async def test_a_sign_up_by_the_api_counts_too(limited: AuthApp) -> None:
    address = new_email()
    await limited.auth.accounts.sign_up(SignUpRequest(address, PASSWORD, name="Ada"), ClientInfo("127.0.0.1"))
    for _ in range(4):
        await limited.sign_in(address)

    with pytest.raises(RateLimitedError):
        await limited.auth.accounts.sign_up(SignUpRequest(address, PASSWORD), ClientInfo("127.0.0.1"))


async def test_in_production_an_address_gets_one_mail_a_minute_whoever_asks(make_desk: MakeAuthApp) -> None:
    desk = make_desk(autoconfirm=True, app_env="production")
    known, unknown = new_email(), new_email()
    made = await desk.post("/admin/users", {"email": known, "email_confirm": True}, desk.service_key)
    assert made.status_code == 200

    for address in (known, unknown):
        first = await desk.post("/recover", {"email": address})
        second = await desk.post("/otp", {"email": address, "create_user": False})
        assert first.status_code == 200
        assert (second.status_code, second.json()["error_code"]) == (429, "over_email_send_rate_limit")
        assert second.json()["msg"].startswith("For security purposes, you can only request this after ")


async def test_nobody_has_us_mail_the_world_by_changing_their_address(make_desk: MakeAuthApp) -> None:
    limits = RateLimits(RateLimiter(None), auth_per_account=Limit(5, 900))
    desk = make_desk(autoconfirm=False, limits=limits)
    body = {"email": new_email(), "password": PASSWORD, "email_confirm": True}
    made = (await desk.post("/admin/users", body, desk.service_key)).json()
    token = (await desk.sign_in(body["email"])).json()["access_token"]  # type: ignore[arg-type]

    answers = [await desk.put("/user", {"email": new_email()}, token) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    with pytest.raises(RateLimitedError):
        await desk.auth.accounts.change_email(UUID(made["id"]), new_email())


async def test_the_gap_between_mails_holds_for_sign_ups_by_the_api_too(make_desk: MakeAuthApp) -> None:
    desk, address = make_desk(autoconfirm=False, app_env="production"), new_email()
    password = "four words no one guesses"
    await desk.auth.accounts.sign_up(SignUpRequest(address, password), ClientInfo("127.0.0.1"))

    with pytest.raises(RateLimitedError) as refused:
        await desk.auth.accounts.sign_up(SignUpRequest(address, password), ClientInfo("127.0.0.2"))

    assert refused.value.code == "RATE_LIMITED"
