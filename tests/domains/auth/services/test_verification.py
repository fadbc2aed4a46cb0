"""Verification: confirmed sign-ups, magic links and recovery."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from monynha.domains.auth import ClientInfo
from tests.domains.auth.conftest import AuthApp, new_email, redirect_fragment


async def test_a_sign_up_is_confirmed_by_the_link_in_its_email(confirming_app: AuthApp) -> None:
    auth_app, email = confirming_app, new_email()
    signed_up = await auth_app.sign_up_unconfirmed(email)
    assert "access_token" not in signed_up.json()
    early = await auth_app.sign_in(email)
    assert (early.status_code, early.json()["error_code"]) == (400, "email_not_confirmed")

    fragment = redirect_fragment(await auth_app.follow(auth_app.emails_to(email)[0].link))

    assert fragment["type"] == "signup"
    assert fragment["token_type"] == "bearer"
    user = (await auth_app.get("/user", fragment["access_token"])).json()
    assert user["id"] == signed_up.json()["id"]
    assert user["user_metadata"]["email_verified"] is True
    assert user["identities"][0]["identity_data"]["email_verified"] is True
    assert (await auth_app.sign_in(email)).status_code == 200
    assert [account.changes for account in auth_app.hook.changed_accounts] == [{"verified"}]


async def test_a_magic_link_to_an_unconfirmed_account_removes_its_password(
    confirming_app: AuthApp,
) -> None:
    auth_app, email = confirming_app, new_email()
    await auth_app.sign_up_unconfirmed(email, "the password of a thief")
    await auth_app.post("/otp", {"email": email})

    fragment = redirect_fragment(await auth_app.follow(auth_app.emails_to(email)[-1].link))

    assert "access_token" in fragment
    assert (await auth_app.sign_in(email, "the password of a thief")).status_code == 400


@pytest.mark.parametrize("type", ["magiclink", "recovery", "invite"])
async def test_whoever_signed_up_first_keeps_nothing_of_the_owners_account(confirming_app: AuthApp, type: str) -> None:
    auth_app, email = confirming_app, new_email()
    probe = (await auth_app.sign_up_unconfirmed(email, "the password of a thief", data={"name": "Thief"})).json()
    link = await auth_app.post("/admin/generate_link", {"type": type, "email": email}, auth_app.service_key)

    session = (await auth_app.post("/verify", {"type": type, "token_hash": link.json()["hashed_token"]})).json()

    user = session["user"]
    assert (user["email"], "email_confirmed_at" in user, user["id"] == probe["id"]) == (email, True, False)
    assert "Thief" not in str(user)
    assert (await auth_app.get("/user", session["access_token"])).json()["id"] == user["id"]
    assert (await auth_app.sign_in(email, "the password of a thief")).status_code == 400
    late = await auth_app.post("/verify", {"type": "signup", "token_hash": auth_app.emails_to(email)[0].token})
    assert late.json()["error_code"] == "otp_expired"


async def test_a_sign_up_link_that_is_used_as_a_magic_link_removes_the_password(confirming_app: AuthApp) -> None:
    auth_app, email = confirming_app, new_email()
    await auth_app.sign_up_unconfirmed(email, "the password of a thief")
    code = auth_app.emails_to(email)[0].code

    entered = await auth_app.post("/verify", {"type": "magiclink", "email": email, "token": code})

    assert entered.status_code == 200
    assert (await auth_app.sign_in(email, "the password of a thief")).status_code == 400


async def test_a_confirmation_ends_sessions_that_are_older(confirming_app: AuthApp) -> None:
    auth_app, email = confirming_app, new_email()
    user = await auth_app.create_user(email=email, email_confirm=False)
    account = await auth_app.auth.admin.get(UUID(user["id"]))
    older = await auth_app.auth.sessions.create(account, ClientInfo("127.0.0.1"), method="password")
    await auth_app.post("/resend", {"type": "signup", "email": email})

    await auth_app.follow(auth_app.emails_to(email)[0].link)

    assert (await auth_app.get("/user", older.access_token.text)).json()["error_code"] == "session_not_found"
    assert (await auth_app.sign_in(email)).status_code == 200


async def test_a_code_confirms_as_the_link_does(confirming_app: AuthApp) -> None:
    auth_app, email = confirming_app, new_email()
    await auth_app.sign_up_unconfirmed(email)
    code = auth_app.emails_to(email)[0].code

    response = await auth_app.post("/verify", {"type": "signup", "email": email.upper(), "token": code})

    assert response.status_code == 200
    assert response.json()["user"]["email_confirmed_at"]
    assert response.json()["refresh_token"]


async def test_a_token_hash_confirms_as_the_link_does(confirming_app: AuthApp) -> None:
    auth_app, email = confirming_app, new_email()
    await auth_app.sign_up_unconfirmed(email)

    response = await auth_app.post("/verify", {"type": "email", "token_hash": auth_app.emails_to(email)[0].token})

    assert response.json()["user"]["email"] == email


async def test_a_recovery_signs_in_and_lets_the_user_set_a_password(auth_app: AuthApp) -> None:
    email = new_email()
    await auth_app.sign_up(email)
    assert (await auth_app.post("/recover", {"email": email.upper()})).json() == {}
    sent_email = auth_app.emails_to(email)[0]

    fragment = redirect_fragment(await auth_app.follow(sent_email.link))

    assert fragment["type"] == "recovery"
    changed = await auth_app.put("/user", {"password": "an even better one"}, fragment["access_token"])
    assert changed.status_code == 200
    assert (await auth_app.sign_in(email)).status_code == 400
    assert (await auth_app.sign_in(email, "an even better one")).status_code == 200


async def test_a_one_time_password_creates_an_account_for_an_unknown_address(auth_app: AuthApp) -> None:
    email = new_email()
    await auth_app.post("/otp", {"email": email, "data": {"name": "Ada"}, "create_user": True})

    response = await auth_app.post(
        "/verify", {"type": "email", "email": email, "token": auth_app.emails_to(email)[0].code}
    )

    user = response.json()["user"]
    assert (user["email"], user["user_metadata"]["name"]) == (email, "Ada")
    assert [account.name for account in auth_app.hook.created_accounts] == ["Ada"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/recover", {}),
        ("/otp", {"create_user": False}),
        ("/magiclink", {"create_user": False}),
        ("/resend", {"type": "signup"}),
        ("/resend", {"type": "email_change"}),
    ],
)
async def test_requesting_an_email_does_not_reveal_whether_an_address_is_registered(
    auth_app: AuthApp, path: str, body: dict[str, Any]
) -> None:
    registered, unknown = new_email(), new_email()
    await auth_app.sign_up(registered)

    responses = [await auth_app.post(path, {"email": email, **body}) for email in (registered, unknown)]

    assert [(response.status_code, response.json()) for response in responses] == [(200, {}), (200, {})]
    assert auth_app.emails_to(unknown) == []
