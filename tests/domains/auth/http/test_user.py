"""One's own account: seeing it, changing metadata, password and address."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from monynha.infra.postgres.database import guard_query
from tests.domains.auth.conftest import PASSWORD, AuthApp, new_email


async def test_one_sees_ones_own_account(desk: AuthApp) -> None:
    session = await desk.sign_up()

    answer = await desk.get("/user", session["access_token"])

    assert answer.status_code == 200
    assert answer.json()["id"] == session["user"]["id"]


@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        (None, 401, "no_authorization"),
        ("Basic YTpi", 401, "no_authorization"),
        ("Bearer", 401, "no_authorization"),
        ("Bearer rubbish", 403, "bad_jwt"),
        ("Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", 403, "bad_jwt"),
    ],
)
async def test_without_a_good_token_nobody_has_an_account(
    desk: AuthApp, header: str | None, status: int, code: str
) -> None:
    answer = await desk.get("/user", headers={"authorization": header} if header else {})

    assert (answer.status_code, answer.json()["error_code"]) == (status, code)
    assert answer.headers.get("www-authenticate") == ("Bearer" if status == 401 else None)


async def test_a_signed_token_of_somebody_unknown_finds_no_user(desk: AuthApp) -> None:
    answer = await desk.get("/user", desk.api_key("authenticated", sub=str(uuid4())))

    assert (answer.status_code, answer.json()["error_code"]) == (403, "user_not_found")


async def test_a_signed_token_without_a_session_holds_while_its_user_exists(desk: AuthApp) -> None:
    session = await desk.sign_up()
    token = desk.api_key("authenticated", sub=session["user"]["id"])
    assert (await desk.get("/user", token)).status_code == 200

    await desk.post("/logout", token=session["access_token"])
    assert (await desk.get("/user", token)).status_code == 200
    await desk.request("DELETE", f"/admin/users/{session['user']['id']}", desk.service_key)
    assert (await desk.get("/user", token)).json()["error_code"] == "user_not_found"


async def test_somebody_elses_session_makes_no_token_good(desk: AuthApp) -> None:
    mine, other = await desk.sign_up(), await desk.sign_up()
    session_id = desk.auth.tokens.verify(other["access_token"]).session_id
    token = desk.api_key("authenticated", sub=mine["user"]["id"], session_id=str(session_id))

    answer = await desk.get("/user", token)

    assert (answer.status_code, answer.json()["error_code"]) == (403, "session_not_found")


async def test_an_expired_token_is_refused(desk: AuthApp) -> None:
    session = await desk.sign_up()
    desk.clock.advance(3600)

    assert (await desk.get("/user", session["access_token"])).json()["error_code"] == "bad_jwt"


async def test_metadata_is_put_over_what_is_there_and_null_takes_away(desk: AuthApp) -> None:
    session = await desk.sign_up(name="Ada", color="red")

    answer = await desk.put("/user", {"data": {"color": None, "size": 3}}, session["access_token"])

    metadata = answer.json()["user_metadata"]
    assert (metadata["name"], metadata["size"], "color" in metadata) == ("Ada", 3, False)
    assert answer.json()["updated_at"] > session["user"]["updated_at"]


async def test_two_changes_of_the_metadata_at_once_both_last(desk: AuthApp) -> None:
    session = await desk.sign_up()

    await asyncio.gather(*(desk.put("/user", {"data": {f"key{n}": n}}, session["access_token"]) for n in range(6)))

    metadata = (await desk.get("/user", session["access_token"])).json()["user_metadata"]
    assert {f"key{n}" for n in range(6)} <= metadata.keys()


async def test_a_changed_name_reaches_the_profile_and_another_change_does_not_touch_it(desk: AuthApp) -> None:
    session = await desk.sign_up(name="Ada")
    await desk.put("/user", {"data": {"color": "red"}}, session["access_token"])
    assert desk.hook.changed_accounts == []

    await desk.put("/user", {"data": {"name": "Countess"}}, session["access_token"])

    (heard,) = desk.hook.changed_accounts
    assert (heard.name, heard.changes) == ("Countess", frozenset({"name"}))


@pytest.mark.parametrize(
    "body",
    [
        {"app_metadata": {"role": "admin"}},
        {"role": "service_role"},
        {"data": {"role": "admin", "app_metadata": {"role": "admin"}}},
        {"data": {"sub": str(uuid4())}},
        {"user_metadata": {"role": "admin"}},
        {"id": str(uuid4()), "banned_until": None, "email_confirm": True},
    ],
    ids=["app_metadata", "role", "data", "sub", "user_metadata", "id"],
)
async def test_nobody_gives_themselves_rights(desk: AuthApp, body: dict[str, Any]) -> None:
    session = await desk.sign_up()

    answer = await desk.put("/user", body, session["access_token"])

    assert answer.status_code == 200
    user = answer.json()
    assert (user["id"], user["role"]) == (session["user"]["id"], "authenticated")
    assert user["app_metadata"] == {"provider": "email", "providers": ["email"]}
    refreshed = (await desk.refresh(session["refresh_token"])).json()
    actor = desk.auth.tokens.verify(refreshed["access_token"])
    asked = await desk.database.as_actor(actor).fetch_json(
        guard_query("select json_build_array(auth.is_admin(), auth.uid())"), ()
    )
    assert asked == f'[false, "{user["id"]}"]'.encode()
    assert (await desk.get("/admin/users", refreshed["access_token"])).json()["error_code"] == "not_admin"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"data": {"a": "x" * 4000}}, 400, "validation_failed"),
        ({"data": {"a": "b\x00c"}}, 400, "validation_failed"),
        ({"data": ["x"]}, 400, "validation_failed"),
        ({"password": "short"}, 422, "weak_password"),
        ({"password": ""}, 422, "weak_password"),
        ({"password": PASSWORD}, 422, "same_password"),
        ({"password": "another password", "current_password": "wrong"}, 400, "current_password_invalid"),
        ({"password": "another password", "nonce": "000000"}, 422, "reauthentication_not_valid"),
        ({"email": "no address"}, 400, "validation_failed"),
        ({"phone": "+491701234567"}, 422, "phone_provider_disabled"),
        ([], 400, "bad_json"),
    ],
)
async def test_a_change_that_is_not_good_changes_nothing(desk: AuthApp, body: Any, status: int, code: str) -> None:
    session = await desk.sign_up()

    answer = await desk.put("/user", body, session["access_token"])

    assert (answer.status_code, answer.json()["error_code"]) == (status, code)
    assert (await desk.get("/user", session["access_token"])).json() == session["user"]
    assert (await desk.sign_in(session["user"]["email"])).status_code == 200


async def test_a_token_with_the_largest_metadata_is_still_good(desk: AuthApp) -> None:
    session = await desk.sign_up()
    answer = await desk.put("/user", {"data": {"a": "x" * 2700}}, session["access_token"])
    assert answer.status_code == 200
    path = f"/admin/users/{session['user']['id']}"
    assert (await desk.put(path, {"app_metadata": {"a": "x" * 1400}}, desk.service_key)).status_code == 200

    refreshed = (await desk.refresh(session["refresh_token"])).json()

    assert (await desk.get("/user", refreshed["access_token"])).status_code == 200


async def test_a_new_password_ends_all_other_sessions_and_keeps_this_one(desk: AuthApp) -> None:
    mine = await desk.sign_up()
    address = mine["user"]["email"]
    other = (await desk.sign_in(address)).json()

    body = {"password": "a new password", "current_password": PASSWORD}
    assert (await desk.put("/user", body, mine["access_token"])).status_code == 200

    assert (await desk.get("/user", mine["access_token"])).status_code == 200
    assert (await desk.get("/user", other["access_token"])).json()["error_code"] == "session_not_found"
    assert (await desk.sign_in(address)).status_code == 400
    assert (await desk.sign_in(address, "a new password")).status_code == 200


async def test_a_mailed_nonce_confirms_a_new_password_once(desk: AuthApp) -> None:
    session = await desk.sign_up()
    await desk.get("/reauthenticate", session["access_token"])
    nonce = desk.emails_to(session["user"]["email"])[0].text.split(": ")[1][:6]

    first = await desk.put("/user", {"password": "a new password", "nonce": nonce}, session["access_token"])
    again = await desk.put("/user", {"password": "newer password", "nonce": nonce}, session["access_token"])

    assert (first.status_code, again.status_code) == (200, 422)


async def test_a_new_address_counts_at_once_where_sign_ups_do(desk: AuthApp) -> None:
    session, new = await desk.sign_up(), new_email("new")

    answer = await desk.put("/user", {"email": new.upper()}, session["access_token"])

    assert answer.json()["email"] == new
    assert (await desk.sign_in(new)).status_code == 200
    assert (await desk.sign_in(session["user"]["email"])).status_code == 400
    assert [account.changes for account in desk.hook.changed_accounts] == [{"email"}]
    assert answer.json()["identities"][0]["email"] == new


async def test_a_taken_address_cannot_be_taken_again(desk: AuthApp) -> None:
    session, other = await desk.sign_up(), await desk.sign_up()

    answer = await desk.put("/user", {"email": other["user"]["email"]}, session["access_token"])

    assert (answer.status_code, answer.json()["error_code"]) == (422, "email_exists")


async def confirmed(desk: AuthApp) -> dict[str, Any]:
    address = new_email()
    await desk.post("/signup", {"email": address, "password": PASSWORD})
    body = {"type": "signup", "email": address, "token": desk.emails_to(address)[0].code}
    session: dict[str, Any] = (await desk.post("/verify", body)).json()
    return session


async def test_a_new_address_by_mail_takes_both_addresses_agreement(mailing_desk: AuthApp) -> None:
    desk, new = mailing_desk, new_email("new")
    session = await confirmed(desk)
    old = session["user"]["email"]

    asked = await desk.put("/user", {"email": new}, session["access_token"])
    assert (asked.json()["email"], asked.json()["new_email"]) == (old, new)
    first = await desk.post("/verify", {"type": "email_change", "token_hash": desk.emails_to(new)[0].token})
    assert first.json()["code"] == "200"
    assert (await desk.get("/user", session["access_token"])).json()["email"] == old
    second = await desk.post("/verify", {"type": "email_change", "email": old, "token": desk.emails_to(old)[-1].code})

    assert second.json()["user"]["email"] == new
    assert "new_email" not in second.json()["user"]
    assert (await desk.sign_in(new)).status_code == 200


async def test_one_address_alone_cannot_change_it_by_its_links(mailing_desk: AuthApp) -> None:
    desk, new = mailing_desk, new_email("new")
    session = await confirmed(desk)
    await desk.put("/user", {"email": new}, session["access_token"])
    link = urlsplit(desk.emails_to(new)[0].link)
    await desk.http.get(f"{link.path}?{link.query}")

    await desk.post("/resend", {"type": "email_change", "email": session["user"]["email"]})
    again = await desk.post("/verify", {"type": "email_change", "token_hash": desk.emails_to(new)[-1].token})

    assert again.json()["code"] == "200"
    assert (await desk.get("/user", session["access_token"])).json()["email"] == session["user"]["email"]


async def test_changing_to_a_taken_address_by_mail_tells_nobody_that_it_is(mailing_desk: AuthApp) -> None:
    desk = mailing_desk
    session, other = await confirmed(desk), await confirmed(desk)
    taken, free = other["user"]["email"], new_email()
    before = len(desk.emails_to(taken))

    answers = [await desk.put("/user", {"email": each}, session["access_token"]) for each in (taken, free)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.json()["new_email"] for answer in answers] == [taken, free]
    assert len(desk.emails_to(taken)) == before


@pytest.mark.parametrize("changed_by", ["its owner", "an admin"])
async def test_a_link_to_an_address_that_was_given_up_is_worth_nothing(desk: AuthApp, changed_by: str) -> None:
    session = await desk.sign_up()
    old = session["user"]["email"]
    await desk.post("/recover", {"email": old})
    if changed_by == "its owner":
        await desk.put("/user", {"email": new_email()}, session["access_token"])
    else:
        path = f"/admin/users/{session['user']['id']}"
        await desk.put(path, {"email": new_email()}, desk.service_key)

    answer = await desk.post("/verify", {"type": "recovery", "token_hash": desk.emails_to(old)[0].token})

    assert (answer.status_code, answer.json()["error_code"]) == (403, "otp_expired")
