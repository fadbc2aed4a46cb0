"""Sign-in by password."""

from __future__ import annotations

import bcrypt
import orjson
import pytest

from monynha.domains.auth.accounts.passwords import PasswordCheck
from tests.domains.auth.conftest import PASSWORD, AuthApp, new_email


async def test_the_right_password_signs_in_and_a_wrong_one_does_not(auth_app: AuthApp) -> None:
    email = new_email()
    await auth_app.sign_up(email)

    right, wrong = await auth_app.sign_in(email), await auth_app.sign_in(email, PASSWORD + "x")

    assert right.status_code == 200
    assert right.json()["user"]["email"] == email
    assert (wrong.status_code, wrong.json()) == (
        400,
        {"code": 400, "error_code": "invalid_credentials", "msg": "Invalid login credentials"},
    )
    assert wrong.headers["x-sb-error-code"] == "invalid_credentials"


@pytest.mark.parametrize(
    "email",
    [
        "nobody@example.com",
        "' or 1=1 --",
        "ada@example.com'; drop table auth.users; --",
        "%@example.com",
        "\x00",
    ],
)
async def test_an_unknown_address_gets_the_response_of_a_wrong_password(auth_app: AuthApp, email: str) -> None:
    registered = new_email()
    await auth_app.sign_up(registered)
    wrong = await auth_app.sign_in(registered, "not the password")

    unknown = await auth_app.sign_in(email)

    assert (unknown.status_code, unknown.content) == (wrong.status_code, wrong.content)


@pytest.mark.parametrize("password", ["", "x" * 5000, "\x00" * 20, "pass\x00word"])
async def test_a_malformed_password_is_a_wrong_one(auth_app: AuthApp, password: str) -> None:
    email = new_email()
    await auth_app.sign_up(email)

    assert (await auth_app.sign_in(email, password)).json()["error_code"] == "invalid_credentials"


@pytest.mark.parametrize("password", ["pässwörd 日本語 🔑", " leading and trailing ", "x" * 256, "8 bytes!"])
async def test_any_password_of_8_to_256_characters_is_accepted(auth_app: AuthApp, password: str) -> None:
    email = new_email()
    await auth_app.post("/signup", {"email": email, "password": password})

    assert (await auth_app.sign_in(email, password)).status_code == 200
    assert (await auth_app.sign_in(email, password[:-1])).status_code == 400


async def test_a_password_changed_during_the_sign_in_creates_no_session(auth_app: AuthApp) -> None:
    email = new_email()
    await auth_app.sign_up(email)
    passwords = auth_app.auth.passwords
    verify = passwords.verify

    async def verify_during_password_change(password: str, stored_hash: str | None) -> PasswordCheck:
        password_check = await verify(password, stored_hash)
        await auth_app.auth.accounts.set_password(email, "changed meanwhile")
        return password_check

    passwords.verify = verify_during_password_change  # type: ignore[method-assign]  # the real method is called by it
    response = await auth_app.sign_in(email)

    assert (response.status_code, response.json()["error_code"]) == (400, "invalid_credentials")


async def test_an_imported_bcrypt_hash_signs_in_and_is_upgraded(auth_app: AuthApp) -> None:
    email = new_email()
    hashed = bcrypt.hashpw(b"imported password", bcrypt.gensalt(4)).decode()
    response = await auth_app.post(
        "/admin/users", {"email": email, "password_hash": hashed, "email_confirm": True}, auth_app.service_key
    )
    assert response.status_code == 200, response.text

    assert (await auth_app.sign_in(email, "x" * 100)).status_code == 400
    assert (await auth_app.sign_in(email, "imported password")).status_code == 200
    async with auth_app.repository.transaction() as transaction:
        account = await auth_app.repository.find_by_email(transaction, email)
    assert account is not None
    assert (account.password_hash or "").startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert (await auth_app.sign_in(email, "imported password")).status_code == 200


async def test_an_access_token_has_the_claims_that_clients_read(auth_app: AuthApp) -> None:
    session = await auth_app.sign_up()
    claims = orjson.loads(auth_app.auth.tokens.verify(session["access_token"]).claims)

    assert claims["iss"] == f"{auth_app.settings.site_url}/auth/v1"
    assert claims["amr"] == [{"method": "password", "timestamp": int(auth_app.clock().timestamp())}]
    assert (claims["aal"], claims["is_anonymous"], claims["sub"]) == ("aal1", False, session["user"]["id"])
