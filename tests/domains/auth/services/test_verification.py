"""Confirming addresses, magic links, recovery: what is mailed, and what a link or code is worth."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.domains.auth.conftest import AuthApp, new_email
from tests.domains.auth.email_links import follow, fragment, sign_up


async def test_a_sign_up_waits_for_the_link_in_its_mail(mailing_desk: AuthApp) -> None:
    desk, address = mailing_desk, new_email()
    signed_up = await sign_up(desk, address)
    assert "access_token" not in signed_up.json()
    early = await desk.sign_in(address)
    assert (early.status_code, early.json()["error_code"]) == (400, "email_not_confirmed")

    told = fragment(await follow(desk, desk.emails_to(address)[0].link))

    assert told["type"] == "signup"
    assert told["token_type"] == "bearer"
    user = (await desk.get("/user", told["access_token"])).json()
    assert user["id"] == signed_up.json()["id"]
    assert user["user_metadata"]["email_verified"] is True
    assert user["identities"][0]["identity_data"]["email_verified"] is True
    assert (await desk.sign_in(address)).status_code == 200
    assert [account.changes for account in desk.hook.changed_accounts] == [{"verified"}]


async def test_a_link_is_good_once(mailing_desk: AuthApp) -> None:
    desk, address = mailing_desk, new_email()
    await sign_up(desk, address)
    link = desk.emails_to(address)[0].link
    await follow(desk, link)

    again = fragment(await follow(desk, link))

    assert again["error_code"] == "otp_expired"
    assert again["error_description"] == "Email link is invalid or has expired"
    assert "access_token" not in again


async def test_looking_ahead_with_head_does_not_use_a_link_up(mailing_desk: AuthApp) -> None:
    desk, address = mailing_desk, new_email()
    await sign_up(desk, address)
    link = desk.emails_to(address)[0].link
    parts = urlsplit(link)
    await desk.http.head(f"{parts.path}?{parts.query}")

    assert "access_token" in fragment(await follow(desk, link))


async def test_the_owner_of_a_taken_address_hears_of_the_try_and_keeps_all(mailing_desk: AuthApp) -> None:
    desk, address = mailing_desk, new_email()
    await sign_up(desk, address)
    await follow(desk, desk.emails_to(address)[0].link)

    await sign_up(desk, address, "the password of a thief", data={"name": "Thief"})

    last = desk.emails_to(address)[-1]
    assert last.subject == "You have an account already"
    assert "verify?" not in last.text
    assert (await desk.sign_in(address, "the password of a thief")).status_code == 400
    assert (await desk.sign_in(address)).status_code == 200


async def test_a_password_that_waits_on_an_unproven_address_is_replaced_by_a_later_sign_up(
    mailing_desk: AuthApp,
) -> None:
    desk, address = mailing_desk, new_email()
    await sign_up(desk, address, "the password of a thief")
    await sign_up(desk, address, data={"name": "Owner"})
    assert len(desk.emails_to(address)) == 2

    await follow(desk, desk.emails_to(address)[1].link)

    assert (await desk.sign_in(address, "the password of a thief")).status_code == 400
    assert (await desk.sign_in(address)).json()["user"]["user_metadata"]["name"] == "Owner"
    assert fragment(await follow(desk, desk.emails_to(address)[0].link))["error_code"] == "otp_expired"


async def test_a_magic_link_to_an_unproven_account_drops_its_password(
    mailing_desk: AuthApp,
) -> None:
    desk, address = mailing_desk, new_email()
    await sign_up(desk, address, "the password of a thief")
    await desk.post("/otp", {"email": address})

    told = fragment(await follow(desk, desk.emails_to(address)[-1].link))

    assert "access_token" in told
    assert (await desk.sign_in(address, "the password of a thief")).status_code == 400


async def test_a_code_confirms_as_the_link_does(mailing_desk: AuthApp) -> None:
    desk, address = mailing_desk, new_email()
    await sign_up(desk, address)
    code = desk.emails_to(address)[0].code

    answer = await desk.post("/verify", {"type": "signup", "email": address.upper(), "token": code})

    assert answer.status_code == 200
    assert answer.json()["user"]["email_confirmed_at"]
    assert answer.json()["refresh_token"]


async def test_a_token_hash_confirms_as_the_link_does(mailing_desk: AuthApp) -> None:
    desk, address = mailing_desk, new_email()
    await sign_up(desk, address)

    answer = await desk.post("/verify", {"type": "email", "token_hash": desk.emails_to(address)[0].token})

    assert answer.json()["user"]["email"] == address


async def test_wrong_codes_kill_the_code_but_not_the_link(mailing_desk: AuthApp) -> None:
    desk, address = mailing_desk, new_email()
    await sign_up(desk, address)
    letter = desk.emails_to(address)[0]
    wrong = f"{(int(letter.code) + 1) % 1_000_000:06}"
    for _ in range(10):
        answer = await desk.post("/verify", {"type": "signup", "email": address, "token": wrong})
        assert (answer.status_code, answer.json()["error_code"]) == (403, "otp_expired")

    right = await desk.post("/verify", {"type": "signup", "email": address, "token": letter.code})

    assert right.status_code == 403
    assert "access_token" in fragment(await follow(desk, letter.link))


async def test_asking_for_a_new_code_gives_no_new_guesses(mailing_desk: AuthApp) -> None:
    desk, address = mailing_desk, new_email()
    await sign_up(desk, address)
    wrong = f"{(int(desk.emails_to(address)[0].code) + 1) % 1_000_000:06}"
    for _ in range(10):
        await desk.post("/verify", {"type": "signup", "email": address, "token": wrong})
    await desk.post("/resend", {"type": "signup", "email": address})
    code = desk.emails_to(address)[-1].code

    assert (await desk.post("/verify", {"type": "signup", "email": address, "token": code})).status_code == 403


@pytest.mark.parametrize(("kind", "hours"), [("recover", 1), ("otp", 1), ("signup", 24)])
async def test_a_link_holds_its_time_and_no_longer(mailing_desk: AuthApp, kind: str, hours: int) -> None:
    desk, address = mailing_desk, new_email()
    await sign_up(desk, address)
    if kind != "signup":
        await desk.post(f"/{kind}", {"email": address})
    desk.clock.advance(hours * 3600)

    assert fragment(await follow(desk, desk.emails_to(address)[-1].link))["error_code"] == "otp_expired"


async def test_a_code_of_one_address_is_worth_nothing_at_another(mailing_desk: AuthApp) -> None:
    desk, mine, other = mailing_desk, new_email(), new_email()
    await sign_up(desk, mine)
    await sign_up(desk, other)

    answer = await desk.post("/verify", {"type": "signup", "email": other, "token": desk.emails_to(mine)[0].code})

    assert answer.status_code == 403


async def test_a_recovery_signs_in_and_lets_a_new_password_be_set(desk: AuthApp) -> None:
    address = new_email()
    await desk.sign_up(address)
    assert (await desk.post("/recover", {"email": address.upper()})).json() == {}
    letter = desk.emails_to(address)[0]

    told = fragment(await follow(desk, letter.link))

    assert told["type"] == "recovery"
    changed = await desk.put("/user", {"password": "an even better one"}, told["access_token"])
    assert changed.status_code == 200
    assert (await desk.sign_in(address)).status_code == 400
    assert (await desk.sign_in(address, "an even better one")).status_code == 200


async def test_a_one_time_password_makes_an_account_where_there_is_none(desk: AuthApp) -> None:
    address = new_email()
    await desk.post("/otp", {"email": address, "data": {"name": "Ada"}, "create_user": True})

    answer = await desk.post("/verify", {"type": "email", "email": address, "token": desk.emails_to(address)[0].code})

    user = answer.json()["user"]
    assert (user["email"], user["user_metadata"]["name"]) == (address, "Ada")
    assert [account.name for account in desk.hook.created_accounts] == ["Ada"]


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
async def test_a_malformed_verification_is_refused(desk: AuthApp, body: dict[str, Any]) -> None:
    answer = await desk.post("/verify", body)

    assert (answer.status_code, answer.json()["error_code"]) == (400, "validation_failed")
