"""Anonymous users: who may become one, what their token says, and how they become permanent."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from monynha.core.settings.setting_types import Limit
from monynha.infra.valkey import RateLimiter
from monynha.protocols.http.rate_limits import RateLimits
from tests.domains.auth.conftest import PASSWORD, AuthApp, MakeAuthApp, new_email, new_phone


@pytest.fixture
def guest_app(make_auth_app: MakeAuthApp) -> AuthApp:
    """Return auth where anybody may be anonymous, and addresses are confirmed at once."""
    return make_auth_app(autoconfirm=True, anonymous_users=True, phone_autoconfirm=True)


async def sign_in(auth_app: AuthApp, **data: Any) -> dict[str, Any]:
    response = await auth_app.post("/signup", {"data": data})
    assert response.status_code == 200, response.text
    session: dict[str, Any] = response.json()
    return session


def claims_of(auth_app: AuthApp, session: dict[str, Any]) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(auth_app.auth.tokens.verify(session["access_token"]).claims)
    return claims


async def is_anonymous_in_the_database(auth_app: AuthApp, session: dict[str, Any]) -> bool:
    return (
        await auth_app.fetch_json(session["access_token"], "select json_build_array(auth.is_anonymous())") == b"[true]"
    )


async def test_a_body_without_credentials_signs_in_a_new_user_each_time(guest_app: AuthApp) -> None:
    first, second = await sign_in(guest_app, theme="dark"), await sign_in(guest_app)

    user = first["user"]
    assert user["id"] != second["user"]["id"]
    assert (user["is_anonymous"], user["email"], user["phone"], user["identities"]) == (True, "", "", [])
    assert (user["user_metadata"], user["app_metadata"]) == ({"theme": "dark"}, {})
    claims = claims_of(guest_app, first)
    assert (claims["is_anonymous"], claims["role"]) == (True, "authenticated")
    assert [entry["method"] for entry in claims["amr"]] == ["anonymous"]
    assert guest_app.hook.created_accounts[0].name == "Guest"
    assert await is_anonymous_in_the_database(guest_app, first)


async def test_a_guest_stays_signed_in_by_refreshing(guest_app: AuthApp) -> None:
    session = await sign_in(guest_app)

    refreshed = (await guest_app.refresh(session["refresh_token"])).json()

    assert refreshed["user"]["id"] == session["user"]["id"]
    assert claims_of(guest_app, refreshed)["is_anonymous"] is True


@pytest.mark.parametrize("body", [{}, {"data": {"a": 1}}, {"email": "", "phone": ""}])
async def test_nobody_is_anonymous_unless_the_setting_allows_it(auth_app: AuthApp, body: dict[str, Any]) -> None:
    response = await auth_app.post("/signup", body)

    assert (response.status_code, response.json()["error_code"]) == (422, "anonymous_provider_disabled")


async def test_closed_sign_ups_close_anonymous_ones_too(make_auth_app: MakeAuthApp) -> None:
    response = await make_auth_app(anonymous_users=True, signup="off").post("/signup", {})

    assert (response.status_code, response.json()["error_code"]) == (422, "signup_disabled")


@pytest.mark.parametrize("password", [PASSWORD, "", 5, ["x"]])
async def test_a_password_without_an_address_is_a_mistake_and_no_anonymous_sign_in(
    guest_app: AuthApp, password: object
) -> None:
    response = await guest_app.post("/signup", {"password": password})

    assert (response.status_code, response.json()["error_code"]) == (400, "validation_failed")
    assert guest_app.hook.created_accounts == []


async def test_nobody_names_their_own_rights_by_an_anonymous_sign_in(guest_app: AuthApp) -> None:
    body = {"data": {"role": "admin"}, "app_metadata": {"role": "admin"}, "is_anonymous": False, "id": str(uuid4())}
    session = (await guest_app.post("/signup", body)).json()

    assert session["user"]["app_metadata"] == {}
    assert session["user"]["is_anonymous"] is True
    assert session["user"]["id"] != body["id"]


async def test_anonymous_sign_ins_are_limited_by_address(make_auth_app: MakeAuthApp) -> None:
    auth_app = make_auth_app(anonymous_users=True, limits=RateLimits(RateLimiter(None)), limit_anonymous=Limit(2, 3600))

    responses = [await auth_app.post("/signup", {}) for _ in range(3)]

    assert [response.status_code for response in responses] == [200, 200, 429]
    assert responses[0].headers["ratelimit-remaining"] == "1"
    assert responses[2].json()["error_code"] == "over_request_rate_limit"
    assert len(auth_app.hook.created_accounts) == 2


async def test_an_address_makes_a_guest_permanent_at_once_with_autoconfirm(guest_app: AuthApp) -> None:
    session, email = await sign_in(guest_app, theme="dark"), new_email()

    upgraded = (await guest_app.put("/user", {"email": email, "password": PASSWORD}, session["access_token"])).json()

    assert (upgraded["id"], upgraded["is_anonymous"]) == (session["user"]["id"], False)
    assert upgraded["app_metadata"] == {"provider": "email", "providers": ["email"]}
    assert upgraded["user_metadata"] == {"theme": "dark"}
    assert [identity["provider"] for identity in upgraded["identities"]] == ["email"]
    # The old token still says that its user is anonymous; the database knows better.
    assert claims_of(guest_app, session)["is_anonymous"] is True
    assert not await is_anonymous_in_the_database(guest_app, session)
    refreshed = (await guest_app.refresh(session["refresh_token"])).json()
    assert claims_of(guest_app, refreshed)["is_anonymous"] is False
    assert (await guest_app.sign_in(email)).json()["user"]["id"] == session["user"]["id"]


async def test_an_address_makes_a_guest_permanent_once_it_is_confirmed(phone_app: AuthApp) -> None:
    session, email = await sign_in(phone_app), new_email()

    requested = await phone_app.put("/user", {"email": email, "password": PASSWORD}, session["access_token"])
    assert (requested.json()["is_anonymous"], requested.json()["new_email"]) == (True, email)
    assert await is_anonymous_in_the_database(phone_app, session)
    assert (await phone_app.sign_in(email)).status_code == 400
    [mail] = phone_app.emails_to(email)
    confirmed = await phone_app.post("/verify", {"type": "email_change", "email": email, "token": mail.code})

    user = confirmed.json()["user"]
    assert (user["id"], user["is_anonymous"], user["email"]) == (session["user"]["id"], False, email)
    assert (await phone_app.sign_in(email)).json()["user"]["id"] == session["user"]["id"]
    assert (await phone_app.get("/user", session["access_token"])).json()["email"] == email


async def test_a_number_makes_a_guest_permanent_once_it_is_confirmed(phone_app: AuthApp) -> None:
    session, phone = await sign_in(phone_app), new_phone()

    requested = await phone_app.put("/user", {"phone": phone, "password": PASSWORD}, session["access_token"])
    body = {"type": "phone_change", "phone": phone, "token": phone_app.codes_to(phone)[0]}
    confirmed = await phone_app.post("/verify", body)

    assert requested.json()["is_anonymous"] is True
    user = confirmed.json()["user"]
    assert (user["id"], user["is_anonymous"], user["phone"]) == (session["user"]["id"], False, phone)
    assert user["app_metadata"] == {"provider": "phone", "providers": ["phone"]}
    signed_in = await phone_app.post("/token?grant_type=password", {"phone": phone, "password": PASSWORD})
    assert signed_in.json()["user"]["id"] == session["user"]["id"]


async def test_a_guest_cannot_take_an_account_by_its_address_or_number(guest_app: AuthApp) -> None:
    owner, phone = await guest_app.sign_up(), new_phone()
    await guest_app.put("/user", {"phone": phone}, owner["access_token"])
    session = await sign_in(guest_app)

    by_email = await guest_app.put("/user", {"email": owner["user"]["email"]}, session["access_token"])
    by_phone = await guest_app.put("/user", {"phone": phone}, session["access_token"])

    assert (by_email.status_code, by_email.json()["error_code"]) == (422, "email_exists")
    assert (by_phone.status_code, by_phone.json()["error_code"]) == (422, "phone_exists")
    assert (await guest_app.get("/user", session["access_token"])).json()["is_anonymous"] is True


async def test_an_address_that_is_taken_stays_secret_where_it_must_be_confirmed(phone_app: AuthApp) -> None:
    taken = (await phone_app.create_user())["email"]
    answers = []
    for email in (taken, new_email()):
        session = await sign_in(phone_app)
        answers.append(await phone_app.put("/user", {"email": email}, session["access_token"]))

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json().keys() == answers[1].json().keys()
    assert phone_app.emails_to(taken) == []


async def test_a_guest_sets_no_password_alone(guest_app: AuthApp) -> None:
    session = await sign_in(guest_app)

    response = await guest_app.put("/user", {"password": PASSWORD}, session["access_token"])

    assert (response.status_code, response.json()["error_code"]) == (422, "validation_failed")


async def test_a_guest_changes_only_their_metadata(guest_app: AuthApp) -> None:
    session = await sign_in(guest_app)
    body = {"data": {"name": "Ada"}, "is_anonymous": False, "role": "service_role", "app_metadata": {"role": "admin"}}

    user = (await guest_app.put("/user", body, session["access_token"])).json()

    assert (user["user_metadata"], user["is_anonymous"], user["app_metadata"]) == ({"name": "Ada"}, True, {})


async def test_an_admin_makes_a_guest_permanent(guest_app: AuthApp) -> None:
    session, email = await sign_in(guest_app), new_email()

    body = {"email": email, "email_confirm": True}
    changed = (await guest_app.put(f"/admin/users/{session['user']['id']}", body, guest_app.service_key)).json()

    assert (changed["email"], changed["is_anonymous"]) == (email, False)


async def test_an_unconfirmed_address_by_an_admin_does_not(guest_app: AuthApp) -> None:
    session, email = await sign_in(guest_app), new_email()

    changed = (
        await guest_app.put(f"/admin/users/{session['user']['id']}", {"email": email}, guest_app.service_key)
    ).json()

    assert changed["is_anonymous"] is True


async def test_a_guest_who_signs_out_is_gone(guest_app: AuthApp) -> None:
    session = await sign_in(guest_app)
    await guest_app.post("/logout", token=session["access_token"])

    assert (await guest_app.get("/user", session["access_token"])).status_code == 403
    assert (await guest_app.refresh(session["refresh_token"])).status_code == 400
