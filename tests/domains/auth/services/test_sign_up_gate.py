"""Who may create an account: everybody, nobody, or those who are invited, whichever way they try."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from monynha.domains.auth.errors import SignUpDisabledError
from monynha.infra.postgres.database import Transaction
from tests.domains.auth.conftest import PASSWORD, AuthApp, MakeAuthApp, new_email

CLOSED = {"code": 422, "error_code": "signup_disabled", "msg": "Signups not allowed for this instance"}


@dataclass
class GuestList:
    """The addresses that a later domain has invited."""

    addresses: set[str] = field(default_factory=set)

    async def is_invited(self, transaction: Transaction, email: str) -> bool:
        return email in self.addresses


async def has_account(app: AuthApp, email: str) -> bool:
    """Whether there is an account with the address."""
    return await app.auth.accounts.exists(email)


@pytest.fixture
def guest_list() -> GuestList:
    """Return the invited addresses, none yet."""
    return GuestList()


@pytest.fixture(params=[True, False], ids=["autoconfirm", "by mail"])
def invited_app(request: pytest.FixtureRequest, make_auth_app: MakeAuthApp, guest_list: GuestList) -> AuthApp:
    """Return auth where sign-up is by invitation."""
    return make_auth_app(signup="invited", autoconfirm=request.param, invitations=[guest_list])


async def test_an_invited_address_signs_up_by_a_password(invited_app: AuthApp, guest_list: GuestList) -> None:
    email = new_email()
    guest_list.addresses.add(email)

    response = await invited_app.post("/signup", {"email": f" {email.upper()}", "password": PASSWORD})

    assert response.status_code == 200, response.text
    assert await has_account(invited_app, email)


async def test_an_invited_address_signs_up_by_a_mailed_code(invited_app: AuthApp, guest_list: GuestList) -> None:
    email = new_email()
    guest_list.addresses.add(email)

    await invited_app.post("/otp", {"email": email, "create_user": True})
    [mail] = invited_app.emails_to(email)
    verified = await invited_app.post("/verify", {"email": email, "token": mail.code, "type": "email"})

    assert (verified.status_code, verified.json()["user"]["email"]) == (200, email)


async def test_nobody_else_signs_up_by_a_password(invited_app: AuthApp) -> None:
    email = new_email()

    response = await invited_app.post("/signup", {"email": email, "password": PASSWORD})

    assert (response.status_code, response.json()) == (422, CLOSED)
    assert not await has_account(invited_app, email)
    assert invited_app.emails_to(email) == []


@pytest.mark.parametrize("path", ["/otp", "/magiclink"])
async def test_nobody_else_gets_a_code_or_is_told(invited_app: AuthApp, guest_list: GuestList, path: str) -> None:
    email, invited = new_email(), new_email()
    guest_list.addresses.add(invited)

    responses = [await invited_app.post(path, {"email": address}) for address in (email, invited)]

    assert [(response.status_code, response.json()) for response in responses] == [(200, {})] * 2
    assert (await has_account(invited_app, email), invited_app.emails_to(email)) == (False, [])


async def test_a_registered_address_without_an_invitation_is_refused_as_an_unknown_one(invited_app: AuthApp) -> None:
    user = await invited_app.create_user()

    responses = [
        await invited_app.post("/signup", {"email": email, "password": PASSWORD})
        for email in (user["email"], new_email())
    ]

    assert [(response.status_code, response.json()) for response in responses] == [(422, CLOSED)] * 2
    assert invited_app.emails_to(user["email"]) == []


async def test_who_has_an_account_signs_in_as_before(invited_app: AuthApp) -> None:
    user = await invited_app.create_user()

    by_password = await invited_app.sign_in(user["email"])
    await invited_app.post("/otp", {"email": user["email"]})

    assert by_password.status_code == 200
    assert len(invited_app.emails_to(user["email"])) == 1


async def test_an_admin_invites_and_that_address_may_sign_up(invited_app: AuthApp) -> None:
    email = new_email()
    await invited_app.post("/invite", {"email": email}, invited_app.service_key)

    response = await invited_app.post("/signup", {"email": email, "password": PASSWORD})

    # With autoconfirm the account that the admin created is there already.
    assert response.status_code == (422 if invited_app.auth.autoconfirm else 200)
    assert response.json().get("error_code") != CLOSED["error_code"]


async def test_an_admin_creates_accounts_whatever_the_gate_says(make_auth_app: MakeAuthApp) -> None:
    for mode in ("off", "invited"):
        app = make_auth_app(signup=mode)
        user = await app.create_user()
        link = await app.post("/admin/generate_link", {"type": "magiclink", "email": new_email()}, app.service_key)

        assert (await has_account(app, user["email"]), link.status_code) == (True, 200)


@pytest.mark.parametrize(("mode", "is_open"), [("on", True), ("off", False), ("invited", False)])
async def test_an_account_without_an_address_needs_open_sign_up(
    make_auth_app: MakeAuthApp, mode: str, is_open: bool
) -> None:
    gate = make_auth_app(signup=mode).auth.sign_up_gate

    if is_open:
        gate.require_open_to_all()
    else:
        with pytest.raises(SignUpDisabledError):
            gate.require_open_to_all()


@pytest.mark.parametrize(("mode", "expected"), [("on", False), ("off", True), ("invited", False)])
async def test_the_settings_say_whether_sign_up_is_closed(
    make_auth_app: MakeAuthApp, mode: str, expected: bool
) -> None:
    assert (await make_auth_app(signup=mode).get("/settings")).json()["disable_signup"] is expected
