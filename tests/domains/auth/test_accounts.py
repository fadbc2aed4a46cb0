"""Accounts as the API and the command line use them."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from monynha.core.errors import Conflict, Invalid, NotFound
from monynha.domains.auth import Client, SignUp
from monynha.infra.postgres.database import guarded
from tests.domains.auth.conftest import PASSWORD, Desk, MakeDesk, new_address

HERE = Client("127.0.0.1", "a test")


async def test_signing_up_returns_the_account_with_its_name(desk: Desk) -> None:
    address = new_address()

    account = await desk.auth.accounts.sign_up(SignUp(address.upper(), PASSWORD, name="Ada"), HERE)

    assert (account.email, account.name, account.is_verified) == (address, "Ada", True)
    assert (await desk.sign_in(address)).status_code == 200


async def test_a_taken_address_is_a_conflict_on_its_field(desk: Desk) -> None:
    address = new_address()
    await desk.auth.accounts.sign_up(SignUp(address, PASSWORD), HERE)

    with pytest.raises(Conflict) as taken:
        await desk.auth.accounts.sign_up(SignUp(address, PASSWORD), HERE)

    assert taken.value.details == {"email": "is already registered"}


async def test_where_a_mail_confirms_a_taken_address_is_answered_as_a_new_one(mailing_desk: Desk) -> None:
    desk, address = mailing_desk, new_address()
    await desk.post("/admin/users", {"email": address, "email_confirm": True}, desk.service)

    account = await desk.auth.accounts.sign_up(SignUp(address, PASSWORD, name="Ada"), HERE)

    assert (account.email, account.name, account.is_verified) == (address, "Ada", False)
    assert (await desk.get(f"/admin/users/{account.id}", desk.service)).status_code == 404


async def test_all_that_is_wrong_is_told_at_once(desk: Desk) -> None:
    with pytest.raises(Invalid) as wrong:
        await desk.auth.accounts.sign_up(SignUp("no address", "short"), HERE)

    assert wrong.value.details == {
        "email": "is no valid mail address",
        "password": "must have at least 8 characters",
    }


@pytest.mark.parametrize("password", ["password123", "12345678", "adalovelace1815"])
async def test_production_refuses_what_is_easily_guessed_and_development_does_not(
    make_desk: MakeDesk, password: str
) -> None:
    strict = make_desk(autoconfirm=True, app_env="production").auth.accounts
    wanted = SignUp(new_address(), password, name="Ada Lovelace 1815")

    with pytest.raises(Invalid) as weak:
        await strict.sign_up(wanted, HERE)

    assert weak.value.details == {"password": "is too easy to guess"}
    await make_desk(autoconfirm=True).auth.accounts.sign_up(wanted, HERE)


async def test_production_takes_a_long_password_too(make_desk: MakeDesk) -> None:
    strict = make_desk(autoconfirm=True, app_env="production").auth.accounts

    await strict.sign_up(SignUp(new_address(), "tr0ub4dor and three horses " * 9), HERE)


async def test_a_password_set_by_the_command_line_ends_all_sessions(desk: Desk) -> None:
    session = await desk.signed_up()
    address = session["user"]["email"]

    await desk.auth.accounts.set_password(address.upper(), "set by command")

    assert (await desk.get("/user", session["access_token"])).status_code == 403
    assert (await desk.sign_in(address, "set by command")).status_code == 200
    with pytest.raises(NotFound):
        await desk.auth.accounts.set_password("unknown@example.com", "set by command")


async def test_an_admin_is_made_of_somebody_known_or_new(desk: Desk) -> None:
    session = await desk.signed_up()
    known, new = session["user"]["email"], new_address("root")

    promoted = await desk.auth.accounts.make_admin(known, None)
    made = await desk.auth.accounts.make_admin(new, PASSWORD)

    assert promoted.app_metadata == {"provider": "email", "providers": ["email"], "role": "admin"}
    assert made.app_metadata["role"] == "admin"
    assert (await desk.sign_in(known)).status_code == 200
    actor = desk.auth.tokens.verify((await desk.sign_in(new)).json()["access_token"])
    answer = await desk.database.acting(actor).ask(guarded("select json_build_array(auth.is_admin())"), ())
    assert answer == b"[true]"
    with pytest.raises(Invalid):
        await desk.auth.accounts.make_admin(new_address(), None)


async def test_an_address_changes_for_the_api_as_for_the_wire(desk: Desk, mailing_desk: Desk) -> None:
    first, second, id = new_address(), new_address(), UUID((await desk.signed_up())["user"]["id"])

    at_once = await desk.auth.accounts.change_email(id, first)
    by_mail = await mailing_desk.auth.accounts.change_email(id, second)

    assert at_once is not None
    assert at_once.email == first
    assert by_mail is not None
    assert (by_mail.email, by_mail.new_email) == (first, second)
    assert [len(mailing_desk.letters(each)) for each in (first, second)] == [1, 1]
    assert await desk.auth.accounts.change_email(uuid4(), new_address()) is None
