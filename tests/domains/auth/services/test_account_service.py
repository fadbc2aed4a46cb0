"""Accounts as the API and the command line use them."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from monynha.core.errors import ConflictError, NotFoundError, ValidationFailedError
from monynha.domains.auth import ClientInfo, SignUpRequest
from monynha.infra.postgres.database import guard_query
from tests.domains.auth.conftest import PASSWORD, AuthApp, MakeAuthApp, new_email

HERE = ClientInfo("127.0.0.1", "a test")


async def test_signing_up_returns_the_account_with_its_name(desk: AuthApp) -> None:
    address = new_email()

    account = await desk.auth.accounts.sign_up(SignUpRequest(address.upper(), PASSWORD, name="Ada"), HERE)

    assert (account.email, account.name, account.is_verified) == (address, "Ada", True)
    assert (await desk.sign_in(address)).status_code == 200


async def test_a_taken_address_is_a_conflict_on_its_field(desk: AuthApp) -> None:
    address = new_email()
    await desk.auth.accounts.sign_up(SignUpRequest(address, PASSWORD), HERE)

    with pytest.raises(ConflictError) as taken:
        await desk.auth.accounts.sign_up(SignUpRequest(address, PASSWORD), HERE)

    assert taken.value.details == {"email": "is already registered"}


async def test_where_a_mail_confirms_a_taken_address_is_answered_as_a_new_one(mailing_desk: AuthApp) -> None:
    desk, address = mailing_desk, new_email()
    await desk.post("/admin/users", {"email": address, "email_confirm": True}, desk.service_key)

    account = await desk.auth.accounts.sign_up(SignUpRequest(address, PASSWORD, name="Ada"), HERE)

    assert (account.email, account.name, account.is_verified) == (address, "Ada", False)
    assert (await desk.get(f"/admin/users/{account.id}", desk.service_key)).status_code == 404


async def test_all_that_is_wrong_is_told_at_once(desk: AuthApp) -> None:
    with pytest.raises(ValidationFailedError) as wrong:
        await desk.auth.accounts.sign_up(SignUpRequest("no address", "short"), HERE)

    assert wrong.value.details == {
        "email": "is no valid mail address",
        "password": "must have at least 8 characters",
    }


@pytest.mark.parametrize("password", ["password123", "12345678", "adalovelace1815"])
async def test_production_refuses_what_is_easily_guessed_and_development_does_not(
    make_desk: MakeAuthApp, password: str
) -> None:
    strict = make_desk(autoconfirm=True, app_env="production").auth.accounts
    wanted = SignUpRequest(new_email(), password, name="Ada Lovelace 1815")

    with pytest.raises(ValidationFailedError) as weak:
        await strict.sign_up(wanted, HERE)

    assert weak.value.details == {"password": "is too easy to guess"}
    await make_desk(autoconfirm=True).auth.accounts.sign_up(wanted, HERE)


async def test_production_takes_a_long_password_too(make_desk: MakeAuthApp) -> None:
    strict = make_desk(autoconfirm=True, app_env="production").auth.accounts

    await strict.sign_up(SignUpRequest(new_email(), "tr0ub4dor and three horses " * 9), HERE)


async def test_a_password_set_by_the_command_line_ends_all_sessions(desk: AuthApp) -> None:
    session = await desk.sign_up()
    address = session["user"]["email"]

    await desk.auth.accounts.set_password(address.upper(), "set by command")

    assert (await desk.get("/user", session["access_token"])).status_code == 403
    assert (await desk.sign_in(address, "set by command")).status_code == 200
    with pytest.raises(NotFoundError):
        await desk.auth.accounts.set_password("unknown@example.com", "set by command")


async def test_an_admin_is_made_of_somebody_known_or_new(desk: AuthApp) -> None:
    session = await desk.sign_up()
    known, new = session["user"]["email"], new_email("root")

    promoted = await desk.auth.accounts.grant_admin_role(known, None)
    made = await desk.auth.accounts.grant_admin_role(new, PASSWORD)

    assert promoted.app_metadata == {"provider": "email", "providers": ["email"], "role": "admin"}
    assert made.app_metadata["role"] == "admin"
    assert (await desk.sign_in(known)).status_code == 200
    actor = desk.auth.tokens.verify((await desk.sign_in(new)).json()["access_token"])
    answer = await desk.database.as_actor(actor).fetch_json(guard_query("select json_build_array(auth.is_admin())"), ())
    assert answer == b"[true]"
    with pytest.raises(ValidationFailedError):
        await desk.auth.accounts.grant_admin_role(new_email(), None)


async def test_an_address_changes_for_the_api_as_for_the_wire(desk: AuthApp, mailing_desk: AuthApp) -> None:
    first, second, id = new_email(), new_email(), UUID((await desk.sign_up())["user"]["id"])

    at_once = await desk.auth.accounts.change_email(id, first)
    by_mail = await mailing_desk.auth.accounts.change_email(id, second)

    assert at_once is not None
    assert at_once.email == first
    assert by_mail is not None
    assert (by_mail.email, by_mail.new_email) == (first, second)
    assert [len(mailing_desk.emails_to(each)) for each in (first, second)] == [1, 1]
    assert await desk.auth.accounts.change_email(uuid4(), new_email()) is None
