"""Signing in by password, and signing out."""

from __future__ import annotations

import bcrypt
import orjson
import pytest

from monynha.core.errors import UnauthenticatedError
from monynha.domains.auth.accounts.passwords import PasswordCheck
from monynha.infra.postgres.database import guard_query
from tests.domains.auth.conftest import PASSWORD, AuthApp, new_email

NEW = {"X-Supabase-Api-Version": "2024-01-01"}


async def test_the_right_password_signs_in_and_a_wrong_one_does_not(desk: AuthApp) -> None:
    address = new_email()
    await desk.sign_up(address)

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
async def test_an_unknown_address_is_answered_as_a_wrong_password(desk: AuthApp, address: str) -> None:
    known = new_email()
    await desk.sign_up(known)
    wrong = await desk.sign_in(known, "not the password")

    unknown = await desk.sign_in(address)

    assert (unknown.status_code, unknown.content) == (wrong.status_code, wrong.content)


@pytest.mark.parametrize("password", ["", "x" * 5000, "\x00" * 20, "pass\x00word"])
async def test_an_odd_password_is_a_wrong_one(desk: AuthApp, password: str) -> None:
    address = new_email()
    await desk.sign_up(address)

    assert (await desk.sign_in(address, password)).json()["error_code"] == "invalid_credentials"


@pytest.mark.parametrize("password", ["pässwörd 日本語 🔑", " leading and trailing ", "x" * 256, "8 bytes!"])
async def test_any_password_of_8_to_256_characters_will_do(desk: AuthApp, password: str) -> None:
    address = new_email()
    await desk.post("/signup", {"email": address, "password": password})

    assert (await desk.sign_in(address, password)).status_code == 200
    assert (await desk.sign_in(address, password[:-1])).status_code == 400


async def test_a_password_that_is_changed_while_it_is_compared_opens_no_session(desk: AuthApp) -> None:
    address = new_email()
    await desk.sign_up(address)
    passwords = desk.auth.parts.passwords
    check = passwords.verify

    async def overtaken(password: str, kept: str | None) -> PasswordCheck:
        found = await check(password, kept)
        await desk.auth.accounts.set_password(address, "changed meanwhile")
        return found

    passwords.verify = overtaken  # type: ignore[method-assign, assignment]
    answer = await desk.sign_in(address)

    assert (answer.status_code, answer.json()["error_code"]) == (400, "invalid_credentials")


async def test_a_grant_nobody_knows_is_refused(desk: AuthApp) -> None:
    answer = await desk.post("/token?grant_type=magic", {}, headers=NEW)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_credentials")


async def refused_by_the_guard(desk: AuthApp, access_token: str) -> bool:
    actor = desk.auth.tokens.verify(access_token)
    try:
        await desk.database.as_actor(actor).fetch_json(guard_query("select to_json(1)"), ())
    except UnauthenticatedError:
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
    desk: AuthApp, scope: str, mine_ends: bool, other_ends: bool
) -> None:
    address = new_email()
    mine = await desk.sign_up(address)
    other = (await desk.sign_in(address)).json()
    stranger = await desk.sign_up()

    answer = await desk.post(f"/logout{scope}", token=mine["access_token"])

    assert (answer.status_code, answer.content) == (204, b"")
    for session, is_over in ((mine, mine_ends), (other, other_ends), (stranger, False)):
        assert await refused_by_the_guard(desk, session["access_token"]) is is_over
        assert ((await desk.get("/user", session["access_token"])).status_code == 403) is is_over
        assert ((await desk.refresh(session["refresh_token"])).status_code == 400) is is_over


async def test_a_scope_nobody_knows_signs_nobody_out(desk: AuthApp) -> None:
    session = await desk.sign_up()

    answer = await desk.post("/logout?scope=everybody", token=session["access_token"])

    assert answer.status_code == 400
    assert not await refused_by_the_guard(desk, session["access_token"])


async def test_one_may_sign_out_only_with_a_token(desk: AuthApp) -> None:
    assert (await desk.post("/logout")).json()["error_code"] == "no_authorization"
    assert (await desk.post("/logout", token=desk.api_key("anon"))).json()["error_code"] == "bad_jwt"


async def test_an_imported_bcrypt_hash_signs_in_and_is_upgraded(desk: AuthApp) -> None:
    address = new_email()
    hashed = bcrypt.hashpw(b"imported password", bcrypt.gensalt(4)).decode()
    made = await desk.post(
        "/admin/users", {"email": address, "password_hash": hashed, "email_confirm": True}, desk.service_key
    )
    assert made.status_code == 200, made.text

    assert (await desk.sign_in(address, "x" * 100)).status_code == 400
    assert (await desk.sign_in(address, "imported password")).status_code == 200
    async with desk.auth.parts.transaction() as transaction:
        account = await desk.auth.parts.repository.find_by_email(transaction, address)
    assert account is not None
    assert (account.password_hash or "").startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert (await desk.sign_in(address, "imported password")).status_code == 200


async def test_every_answer_about_a_person_is_kept_by_no_cache(desk: AuthApp) -> None:
    session = await desk.sign_up()

    for answer in (await desk.get("/user", session["access_token"]), await desk.sign_in("x@example.com")):
        assert answer.headers["cache-control"] == "no-store"


async def test_the_claims_of_an_access_token_are_what_clients_read(desk: AuthApp) -> None:
    session = await desk.sign_up()
    claims = orjson.loads(desk.auth.tokens.verify(session["access_token"]).claims)

    assert claims["iss"] == f"{desk.settings.site_url}/auth/v1"
    assert claims["amr"] == [{"method": "password", "timestamp": int(desk.clock().timestamp())}]
    assert (claims["aal"], claims["is_anonymous"], claims["sub"]) == ("aal1", False, session["user"]["id"])
