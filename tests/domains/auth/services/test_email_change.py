"""Email change: at once in development, else confirmed by both addresses."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.domains.auth.conftest import PASSWORD, AuthApp, new_email


async def confirmed_session(auth_app: AuthApp) -> dict[str, Any]:
    email = new_email()
    await auth_app.post("/signup", {"email": email, "password": PASSWORD})
    body = {"type": "signup", "email": email, "token": auth_app.emails_to(email)[0].code}
    session: dict[str, Any] = (await auth_app.post("/verify", body)).json()
    return session


async def test_a_new_address_takes_effect_at_once_with_autoconfirm(auth_app: AuthApp) -> None:
    session, new = await auth_app.sign_up(), new_email("new")

    response = await auth_app.put("/user", {"email": new.upper()}, session["access_token"])

    assert response.json()["email"] == new
    assert (await auth_app.sign_in(new)).status_code == 200
    assert (await auth_app.sign_in(session["user"]["email"])).status_code == 400
    assert [account.changes for account in auth_app.hook.changed_accounts] == [{"email"}]
    assert response.json()["identities"][0]["email"] == new


async def test_a_registered_address_is_refused_with_autoconfirm(auth_app: AuthApp) -> None:
    session, other = await auth_app.sign_up(), await auth_app.sign_up()

    response = await auth_app.put("/user", {"email": other["user"]["email"]}, session["access_token"])

    assert (response.status_code, response.json()["error_code"]) == (422, "email_exists")


async def test_both_addresses_must_confirm_an_email_change(confirming_app: AuthApp) -> None:
    auth_app, new = confirming_app, new_email("new")
    session = await confirmed_session(auth_app)
    old = session["user"]["email"]

    requested = await auth_app.put("/user", {"email": new}, session["access_token"])
    assert (requested.json()["email"], requested.json()["new_email"]) == (old, new)
    half_confirmed = await auth_app.post(
        "/verify", {"type": "email_change", "token_hash": auth_app.emails_to(new)[0].token}
    )
    assert half_confirmed.json()["code"] == "200"
    assert (await auth_app.get("/user", session["access_token"])).json()["email"] == old
    confirmed = await auth_app.post(
        "/verify", {"type": "email_change", "email": old, "token": auth_app.emails_to(old)[-1].code}
    )

    assert confirmed.json()["user"]["email"] == new
    assert "new_email" not in confirmed.json()["user"]
    assert (await auth_app.sign_in(new)).status_code == 200


async def test_two_links_to_one_address_do_not_change_the_email(confirming_app: AuthApp) -> None:
    auth_app, new = confirming_app, new_email("new")
    session = await confirmed_session(auth_app)
    await auth_app.put("/user", {"email": new}, session["access_token"])
    link = urlsplit(auth_app.emails_to(new)[0].link)
    await auth_app.http.get(f"{link.path}?{link.query}")

    await auth_app.post("/resend", {"type": "email_change", "email": session["user"]["email"]})
    again = await auth_app.post("/verify", {"type": "email_change", "token_hash": auth_app.emails_to(new)[-1].token})

    assert again.json()["code"] == "200"
    assert (await auth_app.get("/user", session["access_token"])).json()["email"] == session["user"]["email"]


async def test_a_change_that_is_asked_for_again_gives_no_further_guesses(confirming_app: AuthApp) -> None:
    session, new = await confirmed_session(confirming_app), new_email("new")
    for _ in range(2):
        await confirming_app.put("/user", {"email": new}, session["access_token"])
        wrong = "000000" if confirming_app.emails_to(new)[-1].code != "000000" else "111111"
        for _ in range(5):
            body = {"type": "email_change", "email": new, "token": wrong}
            assert (await confirming_app.post("/verify", body)).status_code == 403
    await confirming_app.put("/user", {"email": new}, session["access_token"])
    email = confirming_app.emails_to(new)[-1]

    by_code = await confirming_app.post("/verify", {"type": "email_change", "email": new, "token": email.code})
    by_link = await confirming_app.post("/verify", {"type": "email_change", "token_hash": email.token})

    assert (by_code.status_code, by_link.status_code) == (403, 200)


async def test_an_email_change_does_not_reveal_that_the_new_address_is_registered(confirming_app: AuthApp) -> None:
    auth_app = confirming_app
    session, other = await confirmed_session(auth_app), await confirmed_session(auth_app)
    registered, free = other["user"]["email"], new_email()
    before = len(auth_app.emails_to(registered))

    responses = [await auth_app.put("/user", {"email": email}, session["access_token"]) for email in (registered, free)]

    assert [response.status_code for response in responses] == [200, 200]
    assert [response.json()["new_email"] for response in responses] == [registered, free]
    assert len(auth_app.emails_to(registered)) == before


@pytest.mark.parametrize("changed_by", ["its owner", "an admin"])
async def test_a_link_to_a_former_address_is_invalid(auth_app: AuthApp, changed_by: str) -> None:
    session = await auth_app.sign_up()
    old = session["user"]["email"]
    await auth_app.post("/recover", {"email": old})
    if changed_by == "its owner":
        await auth_app.put("/user", {"email": new_email()}, session["access_token"])
    else:
        path = f"/admin/users/{session['user']['id']}"
        await auth_app.put(path, {"email": new_email()}, auth_app.service_key)

    response = await auth_app.post("/verify", {"type": "recovery", "token_hash": auth_app.emails_to(old)[0].token})

    assert (response.status_code, response.json()["error_code"]) == (403, "otp_expired")
