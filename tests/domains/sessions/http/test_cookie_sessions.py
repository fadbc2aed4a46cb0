"""Cookie sessions: sign in, refresh, sign out, and everything that must not be possible with the cookies."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from base64 import b32decode
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from monynha.app.catalog import CATALOG
from monynha.app.composition.application import Application
from monynha.app.composition.cookie_sessions import cookie_sessions
from monynha.core.settings.setting_types import Limit
from monynha.core.settings.settings import Settings
from monynha.domains.auth import AuthServices
from monynha.domains.auth.factors import totp
from monynha.engine.mutation.mutations import Mutations
from monynha.engine.query.compiler import Compiler
from monynha.engine.query.queries import Queries
from monynha.protocols.http.application import HttpApplication
from monynha.protocols.http.cors import CorsPolicy
from monynha.protocols.http.rate_limits import RateLimits
from monynha.protocols.http.router import Router
from monynha.protocols.rest.context import RestContext
from tests.domains.sessions.conftest import PASSWORD, Browser, MakeBrowser
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio
OwnerSql = Callable[..., Awaitable[list[Any]]]


async def test_a_password_gives_a_session_whose_refresh_token_only_the_cookie_has(
    browser: Browser, account: ApiUser
) -> None:
    response = await browser.send("POST", "/session", {"email": account.email, "password": PASSWORD})

    assert response.status_code == 200, response.text
    body = response.json()["data"]
    assert response.status_code == 200, response.text
    assert list(body) == ["accessToken", "expiresAt", "user", "aal"]
    assert body["user"]["id"] == str(account.id)
    assert body["user"]["email"] == account.email
    assert body["aal"] == "aal1"
    assert body["expiresAt"].endswith(".000000Z")
    assert browser.refresh_token
    assert browser.refresh_token not in response.text
    session_cookie, files_cookie, *_ = response.headers.get_list("set-cookie")
    assert session_cookie.startswith("monynha_session=")
    assert session_cookie.endswith("; Path=/; Max-Age=15552000; HttpOnly; SameSite=Strict")
    assert files_cookie.startswith("monynha_files=")
    assert files_cookie.endswith("; Path=/api/v1/files; Max-Age=86400; HttpOnly; SameSite=Strict")
    assert response.headers["cache-control"] == "no-store, no-transform"
    assert "content-encoding" not in response.headers


async def test_the_access_token_works_as_any_other(browser: Browser, account: ApiUser) -> None:
    session = await browser.sign_in(account)

    response = await browser.send("GET", "/users/me", authorization=f"Bearer {session['accessToken']}")

    assert response.json()["data"]["id"] == str(account.id)


async def test_a_refresh_keeps_the_session_and_changes_its_tokens(browser: Browser, account: ApiUser) -> None:
    await browser.sign_in(account)
    first_token = browser.refresh_token

    refreshed = await browser.refresh()

    assert refreshed is not None
    assert refreshed["user"]["id"] == str(account.id)
    assert browser.refresh_token != first_token


async def test_without_a_session_a_refresh_answers_null(browser: Browser) -> None:
    response = await browser.send("POST", "/session/refresh")

    assert response.status_code == 200
    assert response.json() == {"success": True, "data": None}
    assert "set-cookie" not in response.headers


async def test_a_refresh_token_of_any_flow_becomes_a_cookie(browser: Browser, account: ApiUser) -> None:
    body = {"email": account.email, "password": PASSWORD}
    token = (await browser.http.post("/auth/v1/token?grant_type=password", json=body)).json()["refresh_token"]

    response = await browser.send("POST", "/session", {"refreshToken": token})

    assert response.status_code == 200, response.text
    assert response.json()["data"]["user"]["id"] == str(account.id)
    assert browser.refresh_token != token
    assert await browser.refresh() is not None


async def test_signing_out_ends_the_session_and_deletes_the_cookies(browser: Browser, account: ApiUser) -> None:
    session = await browser.sign_in(account)

    response = await browser.send("DELETE", "/session")

    assert response.status_code == 204
    assert response.content == b""
    assert [cookie.partition("=")[0] for cookie in response.headers.get_list("set-cookie")] == [
        "monynha_session",
        "monynha_files",
    ]
    assert browser.refresh_token is None
    refused = await browser.send("GET", "/users/me", authorization=f"Bearer {session['accessToken']}")
    assert refused.status_code == 401
    assert (await browser.send("DELETE", "/session")).status_code == 204


async def test_two_tabs_that_refresh_at_once_both_stay_signed_in(browser: Browser, account: ApiUser) -> None:
    await browser.sign_in(account)
    token = browser.refresh_token

    tabs = await asyncio.gather(*(browser.send("POST", "/session/refresh") for _ in range(8)))

    assert [tab.json()["data"]["user"]["id"] for tab in tabs] == [str(account.id)] * 8
    assert len({tab.headers.get_list("set-cookie")[0] for tab in tabs}) == 1, "all have the one next token"
    assert browser.refresh_token != token
    assert await browser.refresh() is not None


async def test_a_stolen_cookie_that_is_used_later_ends_the_session(
    browser: Browser, account: ApiUser, make_browser: MakeBrowser, owner_sql: OwnerSql
) -> None:
    session = await browser.sign_in(account)
    stolen = browser.refresh_token
    assert stolen
    for _ in range(3):
        await browser.refresh()
    await owner_sql(
        "update auth.sessions set rotated_at = array(select r - interval '1 minute' from unnest(rotated_at) r) "
        "where user_id = $1",
        account.id,
    )
    thief = make_browser()
    thief.http.cookies.set("monynha_session", stolen)

    assert await thief.refresh() is None
    assert await browser.refresh() is None, "the session of both has ended"
    assert browser.refresh_token is None, "the cookie of a session that has ended is deleted"
    refused = await browser.send("GET", "/users/me", authorization=f"Bearer {session['accessToken']}")
    assert refused.status_code == 401


async def test_signing_in_again_ends_the_former_session_of_the_browser(
    browser: Browser, account: ApiUser, users: UserFactory
) -> None:
    other = await users.sign_up("Bob", PASSWORD)
    former = await browser.sign_in(account)
    current = await browser.sign_in(other)

    of_former = await browser.send("GET", "/users/me", authorization=f"Bearer {former['accessToken']}")
    of_current = await browser.send("GET", "/users/me", authorization=f"Bearer {current['accessToken']}")

    assert of_former.status_code == 401
    assert of_current.json()["data"]["id"] == str(other.id)


async def test_the_refresh_token_of_the_own_session_does_not_end_it(browser: Browser, account: ApiUser) -> None:
    await browser.sign_in(account)

    response = await browser.send("POST", "/session", {"refreshToken": browser.refresh_token})

    assert response.status_code == 200, response.text
    assert await browser.refresh() is not None


ENDPOINTS = [("POST", "/session"), ("POST", "/session/refresh"), ("DELETE", "/session")]


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
async def test_a_request_without_the_header_is_forbidden(
    browser: Browser, account: ApiUser, method: str, path: str
) -> None:
    await browser.sign_in(account)
    body = {"email": account.email, "password": PASSWORD} if path == "/session" and method == "POST" else None

    for value in (None, "", "0", "1, 1", "true"):
        headers = {} if value is None else {"x-monynha-request": value}
        response = await browser.http.request(method, f"/api/v1{path}", json=body, headers=headers)
        assert response.status_code == 403, value
        assert response.json()["error"]["code"] == "FORBIDDEN"
        assert "set-cookie" not in response.headers

    assert await browser.refresh() is not None, "nothing has happened to the session"


@pytest.mark.parametrize("origin", [
    "https://evil.example",
    "null",
    "http://monynha.test:8001",
    "https://monynha.test",
    "http://monynha.test.evil.example",
    "http://evil.example/monynha.test",
    "http://monynha.test@evil.example",
    "http://[::1",
    "file://",
])  # fmt: skip
@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
async def test_a_page_of_another_origin_is_forbidden(
    browser: Browser, account: ApiUser, method: str, path: str, origin: str
) -> None:
    await browser.sign_in(account)

    response = await browser.send(method, path, {"refreshToken": "x"} if method == "POST" else None, origin=origin)

    assert response.status_code == 403
    assert "set-cookie" not in response.headers
    assert await browser.refresh() is not None


@pytest.mark.parametrize("origin", ["http://monynha.test", "http://MONYNHA.test:80", "http://127.0.0.1:8000"])
async def test_a_page_of_this_site_may_refresh(browser: Browser, account: ApiUser, origin: str) -> None:
    await browser.sign_in(account)

    response = await browser.send("POST", "/session/refresh", origin=origin)

    assert response.json()["data"]["user"]["id"] == str(account.id)


async def test_a_form_of_another_site_cannot_sign_in(browser: Browser, account: ApiUser) -> None:
    form = {"email": account.email, "password": PASSWORD}

    response = await browser.http.post("/api/v1/session", data=form, headers={"x-monynha-request": "1"})

    assert response.status_code == 415
    assert browser.refresh_token is None


@pytest.mark.parametrize(("body", "fields"), [
    ({}, {"email", "password"}),
    ({"email": "ada@example.com"}, {"password"}),
    ({"email": "", "password": ""}, {"email", "password"}),
    ({"email": 1, "password": ["x"]}, {"email", "password"}),
    ({"email": "ada@example.com", "password": "x", "role": "admin"}, {"role"}),
    ({"refreshToken": None}, {"refreshToken"}),
    ({"refreshToken": "x", "email": "ada@example.com"}, {"email"}),
    ([], set()),
])  # fmt: skip
async def test_a_bad_body_names_its_fields(browser: Browser, body: Any, fields: set[str]) -> None:
    response = await browser.send("POST", "/session", body)

    assert response.status_code == 422
    assert "validation" in response.json()["error"]["message"]
    assert set(response.json()["error"].get("details", {})) == fields


async def test_a_wrong_password_and_an_unknown_address_look_alike(browser: Browser, account: ApiUser) -> None:
    wrong = await browser.send("POST", "/session", {"email": account.email, "password": "wrong password"})
    unknown = await browser.send("POST", "/session", {"email": "nobody@example.com", "password": "wrong password"})

    assert wrong.status_code == unknown.status_code == 401
    errors = [{**response.json()["error"], "requestId": ""} for response in (wrong, unknown)]
    assert errors[0] == errors[1]
    assert errors[0]["code"] == "UNAUTHENTICATED"
    assert "set-cookie" not in wrong.headers


@pytest.mark.parametrize("token", ["x", "A" * 48, "é", "A" * 5000])
async def test_a_forged_refresh_token_is_refused(browser: Browser, token: str) -> None:
    response = await browser.send("POST", "/session", {"refreshToken": token})

    assert response.status_code == 401
    assert browser.refresh_token is None


async def test_a_banned_user_is_refused_and_their_cookie_ends(
    browser: Browser, account: ApiUser, users: UserFactory
) -> None:
    await browser.sign_in(account)
    await users.ban(account)

    assert await browser.refresh() is None
    assert browser.refresh_token is None
    response = await browser.send("POST", "/session", {"email": account.email, "password": PASSWORD})
    assert response.status_code == 403
    assert response.json()["error"]["code"] == "FORBIDDEN"


async def test_the_cookie_authenticates_nothing_else(browser: Browser, account: ApiUser) -> None:
    await browser.sign_in(account)

    for path in ("/api/v1/users/me", "/api/v1/sessions", "/auth/v1/user", "/storage/v1/bucket", "/api/v1/session"):
        response = await browser.http.get(path, headers={"x-monynha-request": "1"})
        assert response.status_code in (400, 401, 405), (path, response.text)
    graphql = await browser.http.post("/graphql", json={"query": "{ users { id } }"})
    assert graphql.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_an_access_token_or_a_key_is_no_cookie_session(browser: Browser, account: ApiUser) -> None:
    for token in (account.token, "garbage"):
        response = await browser.send("POST", "/session/refresh", authorization=f"Bearer {token}")
        assert response.json()["data"] is None
    browser.http.cookies.set("monynha_session", account.token)
    assert await browser.refresh() is None


async def verify_totp(browser: Browser, access_token: str) -> dict[str, Any]:
    """Enrol a second factor over /auth/v1, as a page does, verify it and return the new tokens."""
    headers = {"authorization": f"Bearer {access_token}"}
    factor = (await browser.http.post("/auth/v1/factors", json={"factor_type": "totp"}, headers=headers)).json()
    path = f"/auth/v1/factors/{factor['id']}"
    challenge = (await browser.http.post(f"{path}/challenge", json={}, headers=headers)).json()
    code = totp.code_at(b32decode(factor["totp"]["secret"]), int(time.time()) // totp.PERIOD_S)
    body = {"challenge_id": challenge["id"], "code": code}
    response = await browser.http.post(f"{path}/verify", json=body, headers=headers)
    assert response.status_code == 200, response.text
    tokens: dict[str, Any] = response.json()
    return tokens


async def test_a_second_factor_raises_the_session_of_the_cookie(browser: Browser, account: ApiUser) -> None:
    session = await browser.sign_in(account)
    tokens = await verify_totp(browser, session["accessToken"])

    raised = await browser.send("POST", "/session", {"refreshToken": tokens["refresh_token"]})

    assert raised.status_code == 200, raised.text
    assert (session["aal"], raised.json()["data"]["aal"]) == ("aal1", "aal2")
    refreshed = await browser.refresh()
    assert refreshed is not None
    assert refreshed["aal"] == "aal2"
    again = await browser.sign_in(account)
    assert again["aal"] == "aal1", "a password alone is one factor"
    assert again["user"]["email"] == account.email


async def test_a_cookie_of_before_the_second_factor_gets_no_aal2(
    browser: Browser, account: ApiUser, make_browser: MakeBrowser
) -> None:
    session = await browser.sign_in(account)
    thief = make_browser()
    thief.http.cookies.set("monynha_session", browser.refresh_token or "")
    await verify_totp(browser, session["accessToken"])

    assert await thief.refresh() is None


async def test_attempts_are_counted_as_sign_ins(
    program: Application, settings: Settings, account: ApiUser, make_browser: MakeBrowser
) -> None:
    limits = RateLimits(program.rate_limits.limiter, auth_per_account=Limit(3, 900), auth_per_ip=Limit(50, 900))
    auth = AuthServices.build(settings, program.database, limits=limits)
    rest = RestContext(
        CATALOG, program.database, Queries(Compiler()), Mutations(Queries(Compiler())), auth.authenticate, limits
    )
    routes = cookie_sessions(dataclasses.replace(settings, site_url="https://monynha.test"), rest, auth).routes
    application = HttpApplication(Router([routes]), CorsPolicy())
    try:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=application, client=("192.0.2.77", 1)), base_url="https://monynha.test"
        ) as http:
            browser = Browser(http)
            wrong = {"email": account.email, "password": "wrong password"}
            responses = [await browser.send("POST", "/session", wrong) for _ in range(4)]
            refreshes = [await browser.send("POST", "/session/refresh") for _ in range(5)]
            other = await browser.send("POST", "/session", {"email": account.email.upper(), "password": PASSWORD})
    finally:
        auth.close()

    assert [response.status_code for response in responses] == [401, 401, 401, 429]
    assert responses[0].headers["ratelimit-remaining"] == "2"
    assert responses[3].json()["error"]["code"] == "RATE_LIMITED"
    assert [response.status_code for response in refreshes] == [200] * 5
    assert other.status_code == 429, "another spelling is the same account"


async def test_over_tls_the_cookies_have_prefixes(program: Application, settings: Settings, account: ApiUser) -> None:
    auth = AuthServices.build(settings, program.database)
    rest = RestContext(
        CATALOG,
        program.database,
        Queries(Compiler()),
        Mutations(Queries(Compiler())),
        auth.authenticate,
        RateLimits(program.rate_limits.limiter),
    )
    routes = cookie_sessions(dataclasses.replace(settings, site_url="https://monynha.test"), rest, auth).routes
    application = HttpApplication(Router([routes]), CorsPolicy())
    try:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=application), base_url="https://monynha.test"
        ) as http:
            browser = Browser(http)
            signed_in = await browser.send("POST", "/session", {"email": account.email, "password": PASSWORD})
            refreshed = await browser.refresh()
            http.cookies.set("monynha_session", http.cookies["__Host-monynha_session"])
            del http.cookies["__Host-monynha_session"]
            without_prefix = await browser.refresh()
    finally:
        auth.close()

    session_cookie, files_cookie = signed_in.headers.get_list("set-cookie")[:2]
    assert session_cookie.startswith("__Host-monynha_session=")
    assert session_cookie.endswith("; Path=/; Max-Age=15552000; HttpOnly; SameSite=Strict; Secure")
    assert files_cookie.startswith("__Secure-monynha_files=")
    assert files_cookie.endswith("; Path=/api/v1/files; Max-Age=86400; HttpOnly; SameSite=Strict; Secure")
    assert refreshed is not None
    assert without_prefix is None, "a cookie that another host could have set"


async def test_no_other_origin_may_send_the_header_or_use_cookies(browser: Browser) -> None:
    origin = "http://localhost:3000"
    preflight = await browser.http.request(
        "OPTIONS",
        "/api/v1/session/refresh",
        headers={
            "origin": origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "x-monynha-request",
        },
    )
    refused = await browser.send("POST", "/session/refresh", origin=origin)

    assert preflight.headers["access-control-allow-origin"] == origin, "it may call the rest of the API"
    assert "x-monynha-request" not in preflight.headers["access-control-allow-headers"].lower()
    assert "access-control-allow-credentials" not in preflight.headers
    assert refused.status_code == 403
    assert "access-control-allow-credentials" not in refused.headers
