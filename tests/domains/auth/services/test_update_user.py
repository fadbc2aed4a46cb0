"""Update user: metadata, password and nonce of the own account."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from monynha.infra.postgres.database import guard_query
from tests.domains.auth.conftest import PASSWORD, AuthApp, MakeAuthApp, new_email


async def test_metadata_is_merged_and_null_removes_a_key(auth_app: AuthApp) -> None:
    session = await auth_app.sign_up(name="Ada", color="red")

    response = await auth_app.put("/user", {"data": {"color": None, "size": 3}}, session["access_token"])

    metadata = response.json()["user_metadata"]
    assert (metadata["name"], metadata["size"], "color" in metadata) == ("Ada", 3, False)
    assert response.json()["updated_at"] > session["user"]["updated_at"]


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
async def test_users_cannot_grant_themselves_rights(auth_app: AuthApp, body: dict[str, Any]) -> None:
    session = await auth_app.sign_up()

    response = await auth_app.put("/user", body, session["access_token"])

    assert response.status_code == 200
    user = response.json()
    assert (user["id"], user["role"]) == (session["user"]["id"], "authenticated")
    assert user["app_metadata"] == {"provider": "email", "providers": ["email"]}
    refreshed = (await auth_app.refresh(session["refresh_token"])).json()
    actor = auth_app.auth.tokens.verify(refreshed["access_token"])
    result = await auth_app.database.as_actor(actor).fetch_json(
        guard_query("select json_build_array(auth.is_admin(), auth.uid())"), ()
    )
    assert result == f'[false, "{user["id"]}"]'.encode()
    assert (await auth_app.get("/admin/users", refreshed["access_token"])).json()["error_code"] == "not_admin"


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
async def test_an_invalid_change_is_refused_and_changes_nothing(
    auth_app: AuthApp, body: Any, status: int, code: str
) -> None:
    session = await auth_app.sign_up()

    response = await auth_app.put("/user", body, session["access_token"])

    assert (response.status_code, response.json()["error_code"]) == (status, code)
    assert (await auth_app.get("/user", session["access_token"])).json() == session["user"]
    assert (await auth_app.sign_in(session["user"]["email"])).status_code == 200


async def test_a_new_password_ends_all_other_sessions_and_keeps_this_one(auth_app: AuthApp) -> None:
    session = await auth_app.sign_up()
    email = session["user"]["email"]
    other_session = (await auth_app.sign_in(email)).json()

    body = {"password": "a new password", "current_password": PASSWORD}
    assert (await auth_app.put("/user", body, session["access_token"])).status_code == 200

    assert (await auth_app.get("/user", session["access_token"])).status_code == 200
    assert (await auth_app.get("/user", other_session["access_token"])).json()["error_code"] == "session_not_found"
    assert (await auth_app.sign_in(email)).status_code == 400
    assert (await auth_app.sign_in(email, "a new password")).status_code == 200


async def test_a_mailed_nonce_confirms_a_new_password_once(auth_app: AuthApp) -> None:
    session = await auth_app.sign_up()
    await auth_app.get("/reauthenticate", session["access_token"])
    nonce = auth_app.emails_to(session["user"]["email"])[0].text.split(": ")[1][:6]

    first = await auth_app.put("/user", {"password": "a new password", "nonce": nonce}, session["access_token"])
    again = await auth_app.put("/user", {"password": "newer password", "nonce": nonce}, session["access_token"])

    assert (first.status_code, again.status_code) == (200, 422)


async def test_an_old_session_needs_a_code_to_change_the_password_where_the_setting_says_so(
    make_auth_app: MakeAuthApp,
) -> None:
    auth_app = make_auth_app(autoconfirm=True, require_reauthentication=True)
    session = await auth_app.sign_up()
    token, email = session["access_token"], session["user"]["email"]
    fresh = await auth_app.put("/user", {"password": "a second password"}, token)
    auth_app.clock.advance(seconds=23 * 3600)
    token = (await auth_app.refresh(session["refresh_token"])).json()["access_token"]
    still_fresh = await auth_app.put("/user", {"password": "a third password"}, token)
    auth_app.clock.advance(seconds=2 * 3600)
    # Refreshing makes no session younger.
    token = (await auth_app.refresh(session["refresh_token"])).json()["access_token"]

    refused = [
        await auth_app.put("/user", {"password": "a fourth password", **fields}, token)
        for fields in ({}, {"nonce": ""}, {"nonce": "000000"})
    ]
    await auth_app.get("/reauthenticate", token)
    nonce = auth_app.emails_to(email)[-1].code
    changed = await auth_app.put("/user", {"password": "a fourth password", "nonce": nonce}, token)
    used = await auth_app.put("/user", {"password": "a fifth password", "nonce": nonce}, token)

    assert (fresh.status_code, still_fresh.status_code) == (200, 200)
    assert [(response.status_code, response.json()["error_code"]) for response in refused] == [
        (400, "reauthentication_needed"),
        (400, "reauthentication_needed"),
        (422, "reauthentication_not_valid"),
    ]
    assert changed.status_code == 200
    assert (used.status_code, used.json()["error_code"]) == (422, "reauthentication_not_valid")
    assert (await auth_app.sign_in(email, "a fourth password")).status_code == 200
    # Other changes need no code.
    assert (await auth_app.put("/user", {"data": {"name": "Ada"}}, token)).status_code == 200


async def test_a_new_password_needs_the_current_one_where_the_setting_says_so(make_auth_app: MakeAuthApp) -> None:
    auth_app = make_auth_app(autoconfirm=True, require_current_password=True)
    session = await auth_app.sign_up()
    token, email = session["access_token"], session["user"]["email"]

    missing = await auth_app.put("/user", {"password": "a new password"}, token)
    wrong = await auth_app.put("/user", {"password": "a new password", "current_password": "a wrong one"}, token)
    right = await auth_app.put("/user", {"password": "a new password", "current_password": PASSWORD}, token)

    assert (missing.status_code, missing.json()["error_code"]) == (400, "current_password_required")
    assert (wrong.status_code, wrong.json()["error_code"]) == (400, "current_password_invalid")
    assert right.status_code == 200
    # Who recovers their account knows no password.
    await auth_app.post("/recover", {"email": email})
    body = {"type": "recovery", "token_hash": auth_app.emails_to(email)[-1].token}
    recovered = (await auth_app.post("/verify", body)).json()
    assert (
        await auth_app.put("/user", {"password": "a recovered password"}, recovered["access_token"])
    ).status_code == 200
    # A magic link is no recovery.
    await auth_app.post("/otp", {"email": email})
    body = {"type": "magiclink", "token_hash": auth_app.emails_to(email)[-1].token}
    linked = (await auth_app.post("/verify", body)).json()
    refused = await auth_app.put("/user", {"password": "a stolen password"}, linked["access_token"])
    assert refused.json()["error_code"] == "current_password_required"


async def test_who_has_no_password_yet_needs_no_current_one(make_auth_app: MakeAuthApp) -> None:
    auth_app, email = make_auth_app(autoconfirm=True, require_current_password=True), new_email()
    await auth_app.post("/otp", {"email": email})
    body = {"type": "email", "email": email, "token": auth_app.emails_to(email)[0].code}
    session = (await auth_app.post("/verify", body)).json()

    assert (await auth_app.put("/user", {"password": PASSWORD}, session["access_token"])).status_code == 200
    assert (await auth_app.sign_in(email)).status_code == 200
