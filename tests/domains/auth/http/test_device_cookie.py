"""Lock-out is no weapon: who has signed in on a device before is not locked out there by the failures of others."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from monynha.core.settings.setting_types import Limit
from monynha.infra.valkey import RateLimiter
from monynha.protocols.http.rate_limits import RateLimits
from tests.domains.auth.conftest import PASSWORD, AuthApp, MakeAuthApp, new_email
from tests.live_server import OwnerSql

pytestmark = pytest.mark.anyio


@pytest.fixture
def limited_app(make_auth_app: MakeAuthApp) -> AuthApp:
    """Return auth with the documented limits; all clients have the same address."""
    limits = RateLimits(RateLimiter(None), auth_per_account=Limit(5, 900), auth_per_ip=Limit(50, 900))
    return make_auth_app(autoconfirm=True, limits=limits)


async def sign_in(app: AuthApp, email: str, password: str = PASSWORD, cookie: str | None = None) -> Any:
    """Sign in with the cookie of a device, or from a new device."""
    # The client of the tests keeps cookies as a browser does; each request here is one of its own.
    app.http.cookies.clear()
    headers = {"cookie": cookie} if cookie else {}
    body = {"email": email, "password": password}
    return await app.post("/token?grant_type=password", body, headers=headers)


async def known_device(app: AuthApp) -> tuple[str, str]:
    """Return a new account and the cookie of a device that it has been used on."""
    email = new_email()
    user = await app.create_user(email=email)
    response = await sign_in(app, user["email"])
    return email, response.headers["set-cookie"].partition(";")[0]


async def test_a_sign_in_marks_the_device(limited_app: AuthApp) -> None:
    user = await limited_app.create_user()
    first = await sign_in(limited_app, user["email"])
    cookie, _, attributes = first.headers["set-cookie"].partition("; ")
    again = await sign_in(limited_app, user["email"], cookie=cookie)

    assert cookie.startswith("monynha_device=")
    assert attributes == "Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax"
    assert "set-cookie" not in again.headers


async def test_behind_tls_the_cookie_stays_there(make_auth_app: MakeAuthApp) -> None:
    app = make_auth_app(site_url="https://board.example.org")
    user = await app.create_user()

    assert (await sign_in(app, user["email"])).headers["set-cookie"].endswith("; Secure")


async def test_a_failed_sign_in_marks_nothing(limited_app: AuthApp) -> None:
    user = await limited_app.create_user()

    for email, password in ((user["email"], "a wrong password"), (new_email(), PASSWORD)):
        assert "set-cookie" not in (await sign_in(limited_app, email, password)).headers


async def test_failures_of_others_do_not_lock_a_known_device_out(limited_app: AuthApp) -> None:
    email, cookie = await known_device(limited_app)
    while (await sign_in(limited_app, email, "a guess")).status_code != 429:
        pass

    of_a_stranger = await sign_in(limited_app, email)
    of_the_owner = await sign_in(limited_app, email, cookie=cookie)

    assert of_a_stranger.status_code == 429
    assert of_the_owner.status_code == 200


async def test_an_exhausted_address_does_not_lock_a_known_device_out(limited_app: AuthApp) -> None:
    email, cookie = await known_device(limited_app)
    while (await sign_in(limited_app, new_email(), "a guess")).status_code != 429:
        pass

    assert (await sign_in(limited_app, email)).status_code == 429
    assert (await sign_in(limited_app, email, cookie=cookie)).status_code == 200


async def test_a_stolen_cookie_gives_no_more_guesses_than_an_address(limited_app: AuthApp) -> None:
    email, cookie = await known_device(limited_app)

    statuses = [(await sign_in(limited_app, email, "a guess", cookie)).status_code for _ in range(7)]

    assert statuses == [400] * 5 + [429] * 2


async def test_the_cookie_of_one_account_gives_no_guess_at_another(limited_app: AuthApp) -> None:
    _, cookie = await known_device(limited_app)
    victim = (await limited_app.create_user())["email"]

    statuses = [(await sign_in(limited_app, victim, "a guess", cookie)).status_code for _ in range(6)]

    assert statuses == [400] * 5 + [429]


async def test_a_device_keeps_the_accounts_of_several_people(limited_app: AuthApp) -> None:
    ada, cookie = await known_device(limited_app)
    bob = (await limited_app.create_user())["email"]
    both = (await sign_in(limited_app, bob, cookie=cookie)).headers["set-cookie"].partition(";")[0]

    for email in (ada, bob):
        assert "set-cookie" not in (await sign_in(limited_app, email, cookie=both)).headers


@pytest.mark.parametrize(
    "cookie", ["monynha_device=", "monynha_device=x.y.z", "monynha_device", "a=b; monynha_device=é"]
)
async def test_a_malformed_cookie_is_a_new_device(limited_app: AuthApp, cookie: str) -> None:
    user = await limited_app.create_user()
    body = {"email": user["email"], "password": PASSWORD}

    response = await limited_app.post("/token?grant_type=password", body, headers={"cookie": cookie.encode()})

    assert response.status_code == 200
    assert "monynha_device=" in response.headers["set-cookie"]


async def test_a_lock_out_is_recorded_once_and_not_for_each_attempt(limited_app: AuthApp, owner_sql: OwnerSql) -> None:
    email, agent = (await limited_app.create_user())["email"], str(uuid4())
    for _ in range(30):
        await limited_app.post(
            "/token?grant_type=password", {"email": email, "password": "a guess"}, headers={"user-agent": agent}
        )

    rows = await owner_sql(
        "select action, details from monynha.audit_events where user_agent = $1 order by number", agent
    )

    assert [row["action"] for row in rows] == ["sign_in.failed"] * 5 + ["sign_in.locked"]


async def test_guesses_at_the_current_password_are_limited_and_recorded(
    limited_app: AuthApp, owner_sql: OwnerSql
) -> None:
    session = await limited_app.sign_up()
    body = {"password": "another horse battery", "current_password": "a guess"}

    statuses = [(await limited_app.put("/user", body, session["access_token"])).status_code for _ in range(7)]

    rows = await owner_sql(
        "select action from monynha.audit_events where actor_id::text = $1 and action = 'password_change.failed'",
        session["user"]["id"],
    )
    assert statuses == [400] * 5 + [429] * 2
    assert len(rows) == 5
