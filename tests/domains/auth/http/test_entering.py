"""Signing up, signing in, refreshing, signing out, where sign-ups count at once."""

from __future__ import annotations

import asyncio
from uuid import UUID

import bcrypt
import orjson
import pytest

from monynha.core.errors import Unauthenticated
from monynha.domains.auth.passwords import Checked
from monynha.infra.postgres.database import guarded
from tests.domains.auth.conftest import PASSWORD, Desk, new_address

NEW = {"X-Supabase-Api-Version": "2024-01-01"}


async def test_signing_up_answers_a_session_and_its_user(desk: Desk) -> None:
    address = new_address()

    session = await desk.signed_up(address.upper(), name="Ada Lovelace")

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


async def test_account_and_profile_appear_together(desk: Desk) -> None:
    session = await desk.signed_up(name="  Ada ")

    created = desk.heard.created_accounts
    assert [(str(account.id), account.name) for account in created] == [(session["user"]["id"], "Ada")]
    actor = desk.auth.tokens.verify(session["access_token"])
    profile = await desk.database.acting(actor).ask(
        guarded("select to_json(name) from public.users where id = (select auth.uid())"), ()
    )
    assert profile == b'"Ada"'


async def test_an_account_whose_profile_fails_is_not_there_either(desk: Desk) -> None:
    async def fail(transaction: object, account: object) -> None:
        raise RuntimeError("the profile cannot be written")

    desk.heard.created = fail  # type: ignore[method-assign]
    address = new_address()
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
    desk: Desk, data: dict[str, object], name: str
) -> None:
    await desk.signed_up(new_address("ada"), **data)

    assert desk.heard.created_accounts[0].name.partition("-")[0] == name


async def test_a_taken_address_is_told_as_such_in_any_case(desk: Desk) -> None:
    address = new_address()
    await desk.signed_up(address)

    answer = await desk.post("/signup", {"email": address.upper(), "password": PASSWORD}, headers=NEW)

    assert answer.status_code == 422
    assert answer.json() == {"code": "user_already_exists", "message": "User already registered"}


async def test_of_two_sign_ups_at_once_one_wins(desk: Desk) -> None:
    body = {"email": new_address(), "password": PASSWORD}
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
async def test_a_sign_up_that_is_not_good_is_refused(
    desk: Desk, body: object, status: int, code: str
) -> None:
    answer = await desk.post("/signup", body)

    assert (answer.status_code, answer.json()["error_code"]) == (status, code)
    assert desk.heard.created_accounts == []


@pytest.mark.parametrize(
    "raw", [b"{", b"\xff", b'{"a":1,"a":2}', b'{"email":"\\ud800"}', b"[" * 5000, b'{"a": NaN}'], ids=repr
)
async def test_a_body_that_is_not_json_is_bad_json(desk: Desk, raw: bytes) -> None:
    answer = await desk.ask("POST", "/signup", content=raw)

    assert (answer.status_code, answer.json()["error_code"]) == (400, "bad_json")


async def test_rights_cannot_be_signed_up_for(desk: Desk) -> None:
    body = {
        "email": new_address(),
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
    asked = await desk.database.acting(actor).ask(guarded("select json_build_array(auth.is_admin())"), ())
    assert asked == b"[false]"


async def test_the_right_password_signs_in_and_a_wrong_one_does_not(desk: Desk) -> None:
    address = new_address()
    await desk.signed_up(address)

    right, wrong = await desk.sign_in(address), await desk.sign_in(address, PASSWORD + "x")

    assert right.status_code == 200
    assert right.json()["user"]["email"] == address
    assert (wrong.status_code, wrong.json()) == (
        400,
        {"code": 400, "error_code": "invalid_credentials", "msg": "Invalid login credentials"},
    )
    assert wrong.headers["x-sb-error-code"] == "invalid_credentials"


@pytest.mark.parametrize(
    "address",
    [
        "nobody@example.com",
        "' or 1=1 --",
        "ada@example.com'; drop table auth.users; --",
        "%@example.com",
        "\x00",
    ],
)
async def test_an_unknown_address_is_answered_as_a_wrong_password(desk: Desk, address: str) -> None:
    known = new_address()
    await desk.signed_up(known)
    wrong = await desk.sign_in(known, "not the password")

    unknown = await desk.sign_in(address)

    assert (unknown.status_code, unknown.content) == (wrong.status_code, wrong.content)


@pytest.mark.parametrize("password", ["", "x" * 5000, "\x00" * 20, "pass\x00word"])
async def test_an_odd_password_is_a_wrong_one(desk: Desk, password: str) -> None:
    address = new_address()
    await desk.signed_up(address)

    assert (await desk.sign_in(address, password)).json()["error_code"] == "invalid_credentials"


@pytest.mark.parametrize("password", ["pässwörd 日本語 🔑", " leading and trailing ", "x" * 256, "8 bytes!"])
async def test_any_password_of_8_to_256_characters_will_do(desk: Desk, password: str) -> None:
    address = new_address()
    await desk.post("/signup", {"email": address, "password": password})

    assert (await desk.sign_in(address, password)).status_code == 200
    assert (await desk.sign_in(address, password[:-1])).status_code == 400


async def test_a_password_that_is_changed_while_it_is_compared_opens_no_session(desk: Desk) -> None:
    address = new_address()
    await desk.signed_up(address)
    passwords = desk.auth.parts.passwords
    check = passwords.check

    async def overtaken(password: str, kept: str | None) -> Checked:
        found = await check(password, kept)
        await desk.auth.accounts.set_password(address, "changed meanwhile")
        return found

    passwords.check = overtaken  # type: ignore[method-assign]
    answer = await desk.sign_in(address)

    assert (answer.status_code, answer.json()["error_code"]) == (400, "invalid_credentials")


async def test_a_grant_nobody_knows_is_refused(desk: Desk) -> None:
    answer = await desk.post("/token?grant_type=magic", {}, headers=NEW)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_credentials")


async def test_a_refresh_gives_new_tokens_of_the_same_session(desk: Desk) -> None:
    session = await desk.signed_up()
    desk.clock.advance(3000)

    again = (await desk.refresh(session["refresh_token"])).json()

    assert again["refresh_token"] != session["refresh_token"]
    assert again["expires_at"] == session["expires_at"] + 3000
    old, new = (desk.auth.tokens.verify(each["access_token"]) for each in (session, again))
    assert old.session_id == new.session_id


async def test_an_answer_that_was_lost_on_the_way_signs_nobody_out(desk: Desk) -> None:
    session = await desk.signed_up()
    lost = (await desk.refresh(session["refresh_token"])).json()
    desk.clock.advance(86_400)

    again = await desk.refresh(session["refresh_token"])

    assert again.status_code == 200
    assert again.json()["refresh_token"] == lost["refresh_token"]


async def test_refreshes_at_once_all_get_the_same_token(desk: Desk) -> None:
    session = await desk.signed_up()

    answers = await asyncio.gather(*(desk.refresh(session["refresh_token"]) for _ in range(8)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    async with desk.auth.parts.transaction() as transaction:
        counter = await transaction.value(
            "select refresh_counter from auth.sessions where user_id = $1", UUID(session["user"]["id"])
        )
    assert counter == 1, "one of them took the next place, the others waited for it"


async def test_a_token_replaced_a_moment_ago_is_answered_with_the_current_one(desk: Desk) -> None:
    first = (await desk.signed_up())["refresh_token"]
    second = (await desk.refresh(first)).json()["refresh_token"]
    third = (await desk.refresh(second)).json()["refresh_token"]
    desk.clock.advance(9)

    assert (await desk.refresh(first)).json()["refresh_token"] == third


async def test_a_copied_token_ends_the_session_for_everybody_who_holds_it(desk: Desk) -> None:
    session = await desk.signed_up()
    second = (await desk.refresh(session["refresh_token"])).json()["refresh_token"]
    third = (await desk.refresh(second)).json()
    desk.clock.advance(11)

    reused = await desk.refresh(session["refresh_token"])

    assert (reused.status_code, reused.json()["error_code"]) == (400, "refresh_token_already_used")
    owners = await desk.refresh(third["refresh_token"])
    assert (owners.status_code, owners.json()["error_code"]) == (400, "session_not_found")
    assert (await desk.get("/user", third["access_token"])).status_code == 403


@pytest.mark.parametrize(
    "token", ["x", "AAAAAAAAAAAAAAAA", "'; drop table auth.sessions; --", "\x00", "é" * 48]
)
async def test_a_refresh_token_that_was_never_given_is_not_found(desk: Desk, token: str) -> None:
    answer = await desk.refresh(token)

    assert (answer.status_code, answer.json()["error_code"]) == (400, "refresh_token_not_found")


async def test_no_refresh_token_is_told_the_oauth_way(desk: Desk) -> None:
    answer = await desk.post("/token?grant_type=refresh_token", {})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_what_the_database_holds_cannot_refresh(desk: Desk) -> None:
    session = await desk.signed_up()
    async with desk.auth.parts.transaction() as transaction:
        row = await transaction.row(
            "select * from auth.sessions where user_id = $1", UUID(session["user"]["id"])
        )

    assert row is not None
    held = " ".join(str(value) for value in dict(row).values())
    assert session["refresh_token"] not in held
    assert session["refresh_token"][-20:] not in held


async def refused_by_the_guard(desk: Desk, access_token: str) -> bool:
    actor = desk.auth.tokens.verify(access_token)
    try:
        await desk.database.acting(actor).ask(guarded("select to_json(1)"), ())
    except Unauthenticated:
        return True
    return False


@pytest.mark.parametrize(
    ("scope", "mine_ends", "other_ends"),
    [
        ("", True, True),
        ("?scope=global", True, True),
        ("?scope=local", True, False),
        ("?scope=others", False, True),
    ],
)
async def test_signing_out_ends_the_sessions_of_its_scope_at_once(
    desk: Desk, scope: str, mine_ends: bool, other_ends: bool
) -> None:
    address = new_address()
    mine = await desk.signed_up(address)
    other = (await desk.sign_in(address)).json()
    stranger = await desk.signed_up()

    answer = await desk.post(f"/logout{scope}", token=mine["access_token"])

    assert (answer.status_code, answer.content) == (204, b"")
    for session, is_over in ((mine, mine_ends), (other, other_ends), (stranger, False)):
        assert await refused_by_the_guard(desk, session["access_token"]) is is_over
        assert ((await desk.get("/user", session["access_token"])).status_code == 403) is is_over
        assert ((await desk.refresh(session["refresh_token"])).status_code == 400) is is_over


async def test_a_scope_nobody_knows_signs_nobody_out(desk: Desk) -> None:
    session = await desk.signed_up()

    answer = await desk.post("/logout?scope=everybody", token=session["access_token"])

    assert answer.status_code == 400
    assert not await refused_by_the_guard(desk, session["access_token"])


async def test_one_may_sign_out_only_with_a_token(desk: Desk) -> None:
    assert (await desk.post("/logout")).json()["error_code"] == "no_authorization"
    assert (await desk.post("/logout", token=desk.key("anon"))).json()["error_code"] == "bad_jwt"


async def test_a_refresh_token_after_the_account_is_gone_finds_no_session(desk: Desk) -> None:
    session = await desk.signed_up()
    await desk.ask("DELETE", f"/admin/users/{session['user']['id']}", desk.service)

    answer = await desk.refresh(session["refresh_token"])

    assert (answer.status_code, answer.json()["error_code"]) == (400, "session_not_found")


async def test_an_imported_bcrypt_hash_signs_in_and_is_upgraded(desk: Desk) -> None:
    address = new_address()
    hashed = bcrypt.hashpw(b"imported password", bcrypt.gensalt(4)).decode()
    made = await desk.post(
        "/admin/users", {"email": address, "password_hash": hashed, "email_confirm": True}, desk.service
    )
    assert made.status_code == 200, made.text

    assert (await desk.sign_in(address, "x" * 100)).status_code == 400
    assert (await desk.sign_in(address, "imported password")).status_code == 200
    async with desk.auth.parts.transaction() as transaction:
        account = await desk.auth.parts.rows.by_email(transaction, address)
    assert account is not None
    assert (account.password_hash or "").startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert (await desk.sign_in(address, "imported password")).status_code == 200


async def test_every_answer_about_a_person_is_kept_by_no_cache(desk: Desk) -> None:
    session = await desk.signed_up()

    for answer in (await desk.get("/user", session["access_token"]), await desk.sign_in("x@example.com")):
        assert answer.headers["cache-control"] == "no-store"


async def test_the_claims_of_an_access_token_are_what_clients_read(desk: Desk) -> None:
    session = await desk.signed_up()
    claims = orjson.loads(desk.auth.tokens.verify(session["access_token"]).claims)

    assert claims["iss"] == f"{desk.settings.site_url}/auth/v1"
    assert claims["amr"] == [{"method": "password", "timestamp": int(desk.clock().timestamp())}]
    assert (claims["aal"], claims["is_anonymous"], claims["sub"]) == ("aal1", False, session["user"]["id"])
