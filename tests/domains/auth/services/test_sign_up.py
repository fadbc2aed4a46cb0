"""Sign-up: at once with autoconfirm, by email without it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from monynha.infra.postgres.database import guard_query
from tests.domains.auth.conftest import PASSWORD, AuthApp, MakeAuthApp, new_email, redirect_fragment

NEW_FORMAT = {"X-Supabase-Api-Version": "2024-01-01"}


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({"name": "Ada", "full_name": "Ada Lovelace"}, "Ada"),
        ({"full_name": "Ada Lovelace"}, "Ada Lovelace"),
        ({"name": "   ", "full_name": "Ada Lovelace"}, "Ada Lovelace"),
        ({"name": 5}, "ada"),
        ({"name": ["x"]}, "ada"),
        ({"name": "x" * 300}, "x" * 255),
        ({}, "ada"),
    ],
)
async def test_the_name_comes_from_the_metadata_or_the_address(
    auth_app: AuthApp, data: dict[str, object], name: str
) -> None:
    await auth_app.sign_up(new_email("ada"), **data)

    assert auth_app.hook.created_accounts[0].name.partition("-")[0] == name


async def test_a_registered_address_is_refused_in_any_case(auth_app: AuthApp) -> None:
    email = new_email()
    await auth_app.sign_up(email)

    response = await auth_app.post("/signup", {"email": email.upper(), "password": PASSWORD}, headers=NEW_FORMAT)

    assert response.status_code == 422
    assert response.json() == {"code": "user_already_exists", "message": "User already registered"}


async def test_only_one_of_concurrent_sign_ups_succeeds(auth_app: AuthApp) -> None:
    body = {"email": new_email(), "password": PASSWORD}
    responses = await asyncio.gather(*(auth_app.post("/signup", body) for _ in range(5)))

    assert sorted(response.status_code for response in responses) == [200, 422, 422, 422, 422]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"password": PASSWORD}, 400, "validation_failed"),
        ({"email": "", "password": PASSWORD}, 400, "validation_failed"),
        ({}, 422, "anonymous_provider_disabled"),
        ({"data": {"a": 1}}, 422, "anonymous_provider_disabled"),
        ({"email": "ada@example.com"}, 400, "validation_failed"),
        ({"phone": "+491701234567", "password": PASSWORD}, 400, "phone_provider_disabled"),
        ({"email": "a@b.co", "phone": "+491701234567", "password": PASSWORD}, 400, "validation_failed"),
        ({"email": "no address", "password": PASSWORD}, 400, "validation_failed"),
        ({"email": "a@b@c.co", "password": PASSWORD}, 400, "validation_failed"),
        ({"email": "a\x00@example.com", "password": PASSWORD}, 400, "validation_failed"),
        ({"email": "a\r\nBcc: x@example.com", "password": PASSWORD}, 400, "validation_failed"),
        ({"email": "a" * 300 + "@example.com", "password": PASSWORD}, 400, "validation_failed"),
        ({"email": 5, "password": PASSWORD}, 400, "validation_failed"),
        ({"email": "ada@example.com", "password": 12345678}, 400, "validation_failed"),
        ({"email": "ada@example.com", "password": {"$ne": ""}}, 400, "validation_failed"),
        ({"email": "ada@example.com", "password": "1234567"}, 422, "weak_password"),
        ({"email": "ada@example.com", "password": "x" * 257}, 422, "weak_password"),
        ({"email": "ada@example.com", "password": PASSWORD, "data": "x"}, 400, "validation_failed"),
        ({"email": "ada@example.com", "password": PASSWORD, "data": {"a": "\x00"}}, 400, "validation_failed"),
        (
            {"email": "ada@example.com", "password": PASSWORD, "data": {"a": "x" * 4000}},
            400,
            "validation_failed",
        ),
        ({"email": "ada@example.com", "password": PASSWORD, "data": {"a": 10**30}}, 400, "validation_failed"),
        ([], 400, "bad_json"),
        ("text", 400, "bad_json"),
    ],
)
async def test_an_invalid_sign_up_is_refused(auth_app: AuthApp, body: object, status: int, code: str) -> None:
    response = await auth_app.post("/signup", body)

    assert (response.status_code, response.json()["error_code"]) == (status, code)
    assert auth_app.hook.created_accounts == []


async def test_a_sign_up_cannot_grant_rights(auth_app: AuthApp) -> None:
    body = {
        "email": new_email(),
        "password": PASSWORD,
        "role": "service_role",
        "app_metadata": {"role": "admin"},
        "is_super_admin": True,
        "data": {"role": "admin", "app_metadata": {"role": "admin"}, "sub": "x"},
    }
    session = (await auth_app.post("/signup", body)).json()

    assert session["user"]["role"] == "authenticated"
    assert session["user"]["app_metadata"] == {"provider": "email", "providers": ["email"]}
    actor = auth_app.auth.tokens.verify(session["access_token"])
    result = await auth_app.database.as_actor(actor).fetch_json(
        guard_query("select json_build_array(auth.is_admin())"), ()
    )
    assert result == b"[false]"


async def test_the_owner_of_a_registered_address_is_notified_and_keeps_the_account(confirming_app: AuthApp) -> None:
    auth_app, email = confirming_app, new_email()
    await auth_app.sign_up_unconfirmed(email)
    await auth_app.follow(auth_app.emails_to(email)[0].link)

    await auth_app.sign_up_unconfirmed(email, "the password of a thief", data={"name": "Thief"})

    last = auth_app.emails_to(email)[-1]
    assert last.subject == "You already have an account"
    assert "verify?" not in last.text
    assert (await auth_app.sign_in(email, "the password of a thief")).status_code == 400
    assert (await auth_app.sign_in(email)).status_code == 200


async def test_a_later_sign_up_replaces_the_password_of_an_unconfirmed_sign_up(
    confirming_app: AuthApp,
) -> None:
    auth_app, email = confirming_app, new_email()
    await auth_app.sign_up_unconfirmed(email, "the password of a thief")
    await auth_app.sign_up_unconfirmed(email, data={"name": "Owner"})
    assert len(auth_app.emails_to(email)) == 2

    await auth_app.follow(auth_app.emails_to(email)[1].link)

    assert (await auth_app.sign_in(email, "the password of a thief")).status_code == 400
    assert (await auth_app.sign_in(email)).json()["user"]["user_metadata"]["name"] == "Owner"
    assert redirect_fragment(await auth_app.follow(auth_app.emails_to(email)[0].link))["error_code"] == "otp_expired"


def without_differences(body: dict[str, Any], email: str) -> str:
    """Return a body without what must differ between two sign-ups."""
    text = str({key: "…" if key.endswith("_at") else value for key, value in body.items() if key != "identities"})
    identities = [
        {key: "…" if key.endswith("_at") or key == "identity_id" else value for key, value in identity.items()}
        for identity in body["identities"]
    ]
    return (text + str(identities)).replace(body["id"], "ID").replace(email, "ADDRESS")


async def test_a_sign_up_does_not_reveal_whether_an_address_is_registered(confirming_app: AuthApp) -> None:
    auth_app = confirming_app
    fresh, unconfirmed, confirmed = new_email(), new_email(), new_email()
    await auth_app.sign_up_unconfirmed(unconfirmed)
    await auth_app.sign_up_unconfirmed(confirmed)
    await auth_app.follow(auth_app.emails_to(confirmed)[0].link)
    auth_app.clock.advance(120)

    responses = {email: await auth_app.sign_up_unconfirmed(email) for email in (fresh, unconfirmed, confirmed)}

    assert len({response.status_code for response in responses.values()}) == 1
    assert len({without_differences(response.json(), email) for email, response in responses.items()}) == 1
    for response in responses.values():
        body = response.json()
        times = {body["created_at"], body["updated_at"], body["confirmation_sent_at"]}
        assert len(times) == 1, "a new account is created at the moment of its sign-up"
        assert body["identities"][0]["created_at"] in times
    for email, response in responses.items():
        again = (await auth_app.sign_up_unconfirmed(email)).json()
        assert again["id"] != response.json()["id"], "an id that stays would tell"


async def test_only_the_sign_up_that_its_owner_confirmed_named_the_account(confirming_app: AuthApp) -> None:
    auth_app, email = confirming_app, new_email()
    probe = (await auth_app.sign_up_unconfirmed(email, "the password of a thief")).json()
    own = (await auth_app.sign_up_unconfirmed(email)).json()
    await auth_app.follow(auth_app.emails_to(email)[1].link)
    later_probe = (await auth_app.sign_up_unconfirmed(email, "the password of a thief")).json()

    statuses = [
        (await auth_app.get(f"/admin/users/{body['id']}", auth_app.service_key)).status_code
        for body in (probe, own, later_probe)
    ]

    assert statuses == [404, 200, 404]


async def test_a_sign_up_keeps_what_an_admin_gave_an_unconfirmed_account(confirming_app: AuthApp) -> None:
    auth_app, email = confirming_app, new_email()
    user = await auth_app.create_user(email=email, email_confirm=False, app_metadata={"team": "a"})

    answered = (await auth_app.sign_up_unconfirmed(email)).json()
    await auth_app.follow(auth_app.emails_to(email)[0].link)

    stored = (await auth_app.get(f"/admin/users/{user['id']}", auth_app.service_key)).json()
    assert answered["id"] != user["id"]
    assert (stored["app_metadata"]["team"], "email_confirmed_at" in stored) == ("a", True)


async def test_nobody_signs_up_where_sign_ups_are_off(make_auth_app: MakeAuthApp) -> None:
    auth_app, email = make_auth_app(autoconfirm=True, signup="off"), new_email()

    refused = await auth_app.post("/signup", {"email": email, "password": PASSWORD}, headers=NEW_FORMAT)
    mailed = await auth_app.post("/otp", {"email": email, "create_user": True})

    assert refused.status_code == 422
    assert refused.json() == {"code": "signup_disabled", "message": "Signups not allowed for this instance"}
    assert (mailed.status_code, auth_app.emails_to(email)) == (200, [])
    assert (await auth_app.get("/settings")).json()["disable_signup"] is True
    assert (await auth_app.create_user(email=email))["email"] == email


async def test_the_shortest_password_is_a_setting(make_auth_app: MakeAuthApp) -> None:
    auth_app = make_auth_app(autoconfirm=True, password_min_length=12)

    responses = [
        await auth_app.post("/signup", {"email": new_email(), "password": password})
        for password in ("11 letters.", "12 letters..")
    ]

    assert [response.status_code for response in responses] == [422, 200]
    assert responses[0].json()["msg"] == "Password should be at least 12 characters"
