"""Signing up, where sign-ups count at once."""

from __future__ import annotations

import asyncio

import pytest

from monynha.infra.postgres.database import guard_query
from tests.domains.auth.conftest import PASSWORD, AuthApp, new_email

NEW = {"X-Supabase-Api-Version": "2024-01-01"}


async def test_signing_up_answers_a_session_and_its_user(desk: AuthApp) -> None:
    address = new_email()

    session = await desk.sign_up(address.upper(), name="Ada Lovelace")

    assert session["token_type"] == "bearer"
    assert session["expires_in"] == 3600
    assert session["expires_at"] == int(desk.clock().timestamp()) + 3600
    user = session["user"]
    assert (user["email"], user["aud"], user["role"], user["phone"]) == (
        address,
        "authenticated",
        "authenticated",
        "",
    )
    assert user["app_metadata"] == {"provider": "email", "providers": ["email"]}
    assert user["user_metadata"] == {
        "name": "Ada Lovelace",
        "email": address,
        "email_verified": True,
        "phone_verified": False,
        "sub": user["id"],
    }
    assert [each["provider"] for each in user["identities"]] == ["email"]
    assert user["is_anonymous"] is False
    assert user["email_confirmed_at"].endswith("Z")
    assert "password" not in str(session)


async def test_account_and_profile_appear_together(desk: AuthApp) -> None:
    session = await desk.sign_up(name="  Ada ")

    created = desk.hook.created_accounts
    assert [(str(account.id), account.name) for account in created] == [(session["user"]["id"], "Ada")]
    actor = desk.auth.tokens.verify(session["access_token"])
    profile = await desk.database.as_actor(actor).fetch_json(
        guard_query("select to_json(name) from public.users where id = (select auth.uid())"), ()
    )
    assert profile == b'"Ada"'


async def test_an_account_whose_profile_fails_is_not_there_either(desk: AuthApp) -> None:
    async def fail(transaction: object, account: object) -> None:
        raise RuntimeError("the profile cannot be written")

    desk.hook.on_created = fail  # type: ignore[method-assign]
    address = new_email()
    answer = await desk.post("/signup", {"email": address, "password": PASSWORD})

    assert answer.status_code == 500
    assert (await desk.sign_in(address)).json()["error_code"] == "invalid_credentials"


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
    desk: AuthApp, data: dict[str, object], name: str
) -> None:
    await desk.sign_up(new_email("ada"), **data)

    assert desk.hook.created_accounts[0].name.partition("-")[0] == name


async def test_a_taken_address_is_told_as_such_in_any_case(desk: AuthApp) -> None:
    address = new_email()
    await desk.sign_up(address)

    answer = await desk.post("/signup", {"email": address.upper(), "password": PASSWORD}, headers=NEW)

    assert answer.status_code == 422
    assert answer.json() == {"code": "user_already_exists", "message": "User already registered"}


async def test_of_two_sign_ups_at_once_one_wins(desk: AuthApp) -> None:
    body = {"email": new_email(), "password": PASSWORD}
    answers = await asyncio.gather(*(desk.post("/signup", body) for _ in range(5)))

    assert sorted(answer.status_code for answer in answers) == [200, 422, 422, 422, 422]


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
async def test_a_sign_up_that_is_not_good_is_refused(desk: AuthApp, body: object, status: int, code: str) -> None:
    answer = await desk.post("/signup", body)

    assert (answer.status_code, answer.json()["error_code"]) == (status, code)
    assert desk.hook.created_accounts == []


@pytest.mark.parametrize(
    "raw", [b"{", b"\xff", b'{"a":1,"a":2}', b'{"email":"\\ud800"}', b"[" * 5000, b'{"a": NaN}'], ids=repr
)
async def test_a_body_that_is_not_json_is_bad_json(desk: AuthApp, raw: bytes) -> None:
    answer = await desk.request("POST", "/signup", content=raw)

    assert (answer.status_code, answer.json()["error_code"]) == (400, "bad_json")


async def test_rights_cannot_be_signed_up_for(desk: AuthApp) -> None:
    body = {
        "email": new_email(),
        "password": PASSWORD,
        "role": "service_role",
        "app_metadata": {"role": "admin"},
        "is_super_admin": True,
        "data": {"role": "admin", "app_metadata": {"role": "admin"}, "sub": "x"},
    }
    session = (await desk.post("/signup", body)).json()

    assert session["user"]["role"] == "authenticated"
    assert session["user"]["app_metadata"] == {"provider": "email", "providers": ["email"]}
    actor = desk.auth.tokens.verify(session["access_token"])
    asked = await desk.database.as_actor(actor).fetch_json(guard_query("select json_build_array(auth.is_admin())"), ())
    assert asked == b"[false]"
