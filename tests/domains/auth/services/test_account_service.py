"""Account service: what the API and the command line do with accounts."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from monynha.core.errors import (
    ConflictError,
    NotFoundError,
    ValidationFailedError,
)
from monynha.domains.auth import ClientInfo, SignUpRequest
from monynha.infra.postgres.database import guard_query
from tests.domains.auth.conftest import PASSWORD, AuthApp, MakeAuthApp, new_email

CLIENT = ClientInfo("127.0.0.1", "a test")


async def test_sign_up_returns_the_account_with_its_name(auth_app: AuthApp) -> None:
    email = new_email()

    account = await auth_app.auth.accounts.sign_up(SignUpRequest(email.upper(), PASSWORD, name="Ada"), CLIENT)

    assert (account.email, account.name, account.is_verified) == (email, "Ada", True)
    assert (await auth_app.sign_in(email)).status_code == 200


async def test_a_registered_address_is_a_conflict_on_email(auth_app: AuthApp) -> None:
    email = new_email()
    await auth_app.auth.accounts.sign_up(SignUpRequest(email, PASSWORD), CLIENT)

    with pytest.raises(ConflictError) as taken:
        await auth_app.auth.accounts.sign_up(SignUpRequest(email, PASSWORD), CLIENT)

    assert taken.value.details == {"email": "is already registered"}


async def test_without_autoconfirm_a_registered_address_looks_like_a_new_one(confirming_app: AuthApp) -> None:
    auth_app, email = confirming_app, new_email()
    await auth_app.post("/admin/users", {"email": email, "email_confirm": True}, auth_app.service_key)

    account = await auth_app.auth.accounts.sign_up(SignUpRequest(email, PASSWORD, name="Ada"), CLIENT)

    assert (account.email, account.name, account.is_verified) == (email, "Ada", False)
    assert (await auth_app.get(f"/admin/users/{account.id}", auth_app.service_key)).status_code == 404


async def test_all_problems_are_reported_at_once(auth_app: AuthApp) -> None:
    with pytest.raises(ValidationFailedError) as wrong:
        await auth_app.auth.accounts.sign_up(SignUpRequest("no address", "short"), CLIENT)

    assert wrong.value.details == {
        "email": "must be a valid email address",
        "password": "must be at least 8 characters",
    }


@pytest.mark.parametrize("password", ["password123", "12345678", "adalovelace1815"])
async def test_production_refuses_passwords_that_are_easy_to_guess(make_auth_app: MakeAuthApp, password: str) -> None:
    accounts = make_auth_app(autoconfirm=True, app_env="production").auth.accounts
    request = SignUpRequest(new_email(), password, name="Ada Lovelace 1815")

    with pytest.raises(ValidationFailedError) as weak:
        await accounts.sign_up(request, CLIENT)

    assert weak.value.details == {"password": "is too easy to guess"}
    await make_auth_app(autoconfirm=True).auth.accounts.sign_up(request, CLIENT)


async def test_production_accepts_a_long_password(make_auth_app: MakeAuthApp) -> None:
    accounts = make_auth_app(autoconfirm=True, app_env="production").auth.accounts

    await accounts.sign_up(SignUpRequest(new_email(), "tr0ub4dor and three horses " * 9), CLIENT)


async def test_a_password_set_by_the_command_line_ends_all_sessions(auth_app: AuthApp) -> None:
    session = await auth_app.sign_up()
    email = session["user"]["email"]

    await auth_app.auth.accounts.set_password(email.upper(), "set by command")

    assert (await auth_app.get("/user", session["access_token"])).status_code == 403
    assert (await auth_app.sign_in(email, "set by command")).status_code == 200
    with pytest.raises(NotFoundError):
        await auth_app.auth.accounts.set_password("unknown@example.com", "set by command")


async def test_the_admin_role_is_granted_to_an_existing_or_a_new_account(auth_app: AuthApp) -> None:
    session = await auth_app.sign_up()
    existing, new = session["user"]["email"], new_email("root")

    promoted = await auth_app.auth.accounts.grant_admin_role(existing, None)
    created = await auth_app.auth.accounts.grant_admin_role(new, PASSWORD)

    assert promoted.app_metadata == {"provider": "email", "providers": ["email"], "role": "admin"}
    assert created.app_metadata["role"] == "admin"
    assert (await auth_app.sign_in(existing)).status_code == 200
    actor = auth_app.auth.tokens.verify((await auth_app.sign_in(new)).json()["access_token"])
    response = await auth_app.database.as_actor(actor).fetch_json(
        guard_query("select json_build_array(auth.is_admin())"), ()
    )
    assert response == b"[true]"
    with pytest.raises(ValidationFailedError):
        await auth_app.auth.accounts.grant_admin_role(new_email(), None)


async def test_an_email_change_by_the_api_is_confirmed_as_in_auth(auth_app: AuthApp, confirming_app: AuthApp) -> None:
    first_email, second_email, user_id = new_email(), new_email(), UUID((await auth_app.sign_up())["user"]["id"])

    at_once = await auth_app.auth.accounts.change_email(user_id, first_email)
    by_email = await confirming_app.auth.accounts.change_email(user_id, second_email)

    assert at_once is not None
    assert at_once.email == first_email
    assert by_email is not None
    assert (by_email.email, by_email.new_email) == (first_email, second_email)
    await confirming_app.deliver_emails()
    assert [len(confirming_app.emails_to(email)) for email in (first_email, second_email)] == [1, 1]
    assert await auth_app.auth.accounts.change_email(uuid4(), new_email()) is None


async def test_an_account_that_becomes_admin_loses_the_password_that_nobody_proved(confirming_app: AuthApp) -> None:
    auth_app, email = confirming_app, new_email()
    await auth_app.sign_up_unconfirmed(email, "the password of a thief")

    account = await auth_app.auth.accounts.grant_admin_role(email, None)

    assert (account.is_verified, account.app_metadata["role"]) == (True, "admin")
    assert (await auth_app.sign_in(email, "the password of a thief")).status_code == 400
