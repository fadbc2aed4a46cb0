"""Change of a phone number: the new number confirms it, and it stays secret who has which number."""

from __future__ import annotations

from typing import Any

import pytest

from tests.domains.auth.conftest import PASSWORD, AuthApp, MakeAuthApp, new_email, new_phone


async def confirmed_session(auth_app: AuthApp) -> dict[str, Any]:
    """Return a session of a user with a confirmed address."""
    user = await auth_app.create_user(email=new_email())
    session: dict[str, Any] = (await auth_app.sign_in(user["email"])).json()
    return session


async def verify(auth_app: AuthApp, phone: str, code: str) -> Any:
    return await auth_app.post("/verify", {"type": "phone_change", "phone": phone, "token": code})


async def test_a_number_is_added_once_its_code_confirms_it(phone_app: AuthApp) -> None:
    session, phone = await confirmed_session(phone_app), new_phone()
    token = session["access_token"]

    requested = (await phone_app.put("/user", {"phone": f"+{phone}"}, token)).json()
    verified = (await verify(phone_app, phone, phone_app.codes_to(phone)[0])).json()

    assert (requested["phone"], requested["new_phone"]) == ("", phone)
    assert requested["phone_change_sent_at"]
    user = verified["user"]
    assert (user["id"], user["phone"], user["email"]) == (session["user"]["id"], phone, session["user"]["email"])
    assert "new_phone" not in user
    assert user["app_metadata"]["providers"] == ["email", "phone"]
    assert {identity["provider"] for identity in user["identities"]} == {"email", "phone"}
    notice = phone_app.emails_to(session["user"]["email"])[-1]
    assert notice.subject == "Your phone number was changed"
    assert phone not in notice.text
    signed_in = await phone_app.post("/token?grant_type=password", {"phone": phone, "password": PASSWORD})
    assert signed_in.status_code == 200


async def test_the_old_number_no_longer_signs_in(phone_app: AuthApp) -> None:
    session, old, new = await confirmed_session(phone_app), new_phone(), new_phone()
    for phone in (old, new):
        await phone_app.put("/user", {"phone": phone}, session["access_token"])
        assert (await verify(phone_app, phone, phone_app.codes_to(phone)[-1])).status_code == 200

    assert (await phone_app.post("/token?grant_type=password", {"phone": old, "password": PASSWORD})).status_code == 400
    user = (await phone_app.get("/user", session["access_token"])).json()
    phone_identities = [item for item in user["identities"] if item["provider"] == "phone"]
    assert [item["identity_data"]["phone"] for item in phone_identities] == [new]


async def test_with_autoconfirm_the_number_changes_at_once_and_a_taken_one_is_refused(
    make_auth_app: MakeAuthApp,
) -> None:
    auth_app = make_auth_app(autoconfirm=True, phone_autoconfirm=True)
    session, other, phone = await auth_app.sign_up(), await auth_app.sign_up(), new_phone()

    changed = await auth_app.put("/user", {"phone": phone}, session["access_token"])
    taken = await auth_app.put("/user", {"phone": phone}, other["access_token"])

    assert (changed.json()["phone"], "phone_confirmed_at" in changed.json()) == (phone, True)
    assert (taken.status_code, taken.json()["error_code"]) == (422, "phone_exists")


async def test_a_taken_number_answers_as_a_free_one_and_gets_no_message(phone_app: AuthApp) -> None:
    owner, other, phone = await confirmed_session(phone_app), await confirmed_session(phone_app), new_phone()
    await phone_app.put("/user", {"phone": phone}, owner["access_token"])
    await verify(phone_app, phone, phone_app.codes_to(phone)[0])
    free = new_phone()

    answers = [(await phone_app.put("/user", {"phone": number}, other["access_token"])) for number in (phone, free)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json().keys() == answers[1].json().keys()
    assert len(phone_app.codes_to(phone)) == 1
    assert len(phone_app.codes_to(free)) == 1


async def test_a_number_that_is_registered_meanwhile_is_not_taken_away(phone_app: AuthApp) -> None:
    first, second, phone = await confirmed_session(phone_app), await confirmed_session(phone_app), new_phone()
    for session in (first, second):
        await phone_app.put("/user", {"phone": phone}, session["access_token"])
    codes = phone_app.codes_to(phone)
    assert (await verify(phone_app, phone, codes[0])).status_code == 200

    late = await verify(phone_app, phone, codes[1])

    assert (late.status_code, late.json()["error_code"]) == (422, "phone_exists")
    assert (await phone_app.get("/user", first["access_token"])).json()["phone"] == phone
    assert (await phone_app.get("/user", second["access_token"])).json()["phone"] == ""


async def test_a_change_that_is_asked_for_again_gives_no_further_guesses(phone_app: AuthApp) -> None:
    session, phone = await confirmed_session(phone_app), new_phone()
    for _ in range(2):
        await phone_app.put("/user", {"phone": phone}, session["access_token"])
        wrong = "000000" if phone_app.codes_to(phone)[-1] != "000000" else "111111"
        for _ in range(5):
            assert (await verify(phone_app, phone, wrong)).status_code == 403
    await phone_app.put("/user", {"phone": phone}, session["access_token"])

    response = await verify(phone_app, phone, phone_app.codes_to(phone)[-1])

    assert (response.status_code, response.json()["error_code"]) == (403, "otp_expired")


async def test_a_later_change_replaces_a_pending_one(phone_app: AuthApp) -> None:
    session, first, second = await confirmed_session(phone_app), new_phone(), new_phone()
    for phone in (first, second):
        await phone_app.put("/user", {"phone": phone}, session["access_token"])

    assert (await verify(phone_app, first, phone_app.codes_to(first)[0])).status_code == 403
    assert (await verify(phone_app, second, phone_app.codes_to(second)[0])).status_code == 200


async def test_a_pending_change_is_sent_again_to_the_user_with_that_number(phone_app: AuthApp) -> None:
    session, old, new = await confirmed_session(phone_app), new_phone(), new_phone()
    await phone_app.put("/user", {"phone": old}, session["access_token"])
    await verify(phone_app, old, phone_app.codes_to(old)[0])
    await phone_app.put("/user", {"phone": new}, session["access_token"])

    # As on the wire, `phone` names the account, and the message goes to the new number.
    await phone_app.post("/resend", {"type": "phone_change", "phone": old})

    assert len(phone_app.codes_to(new)) == 2
    assert (await verify(phone_app, new, phone_app.codes_to(new)[1])).status_code == 200


@pytest.mark.parametrize("phone", ["x", "+0123", "1" * 16, 5])
async def test_an_invalid_number_is_refused(phone_app: AuthApp, phone: object) -> None:
    session = await confirmed_session(phone_app)

    response = await phone_app.put("/user", {"phone": phone}, session["access_token"])

    assert (response.status_code, response.json()["error_code"]) == (400, "validation_failed")


async def test_reauthentication_goes_to_the_number_of_a_user_without_an_address(phone_app: AuthApp) -> None:
    phone = new_phone()
    await phone_app.post("/otp", {"phone": phone})
    body = {"type": "sms", "phone": phone, "token": phone_app.codes_to(phone)[0]}
    session = (await phone_app.post("/verify", body)).json()

    sent = await phone_app.get("/reauthenticate", session["access_token"])
    nonce = phone_app.codes_to(phone)[-1]
    wrong = await phone_app.put("/user", {"password": PASSWORD, "nonce": "x"}, session["access_token"])
    changed = await phone_app.put("/user", {"password": PASSWORD, "nonce": nonce}, session["access_token"])

    assert (sent.status_code, len(phone_app.codes_to(phone))) == (200, 2)
    assert wrong.json()["error_code"] == "reauthentication_not_valid"
    assert changed.status_code == 200
    assert (
        await phone_app.post("/token?grant_type=password", {"phone": phone, "password": PASSWORD})
    ).status_code == 200
