"""Sessions: people see and end their own, whatever path they take, and nobody else's."""

from __future__ import annotations

import time

import pytest
from websockets.asyncio.client import connect

from tests.domains.sessions.conftest import Browser, MakeBrowser
from tests.live_server import WsClient
from tests.protocols.graphql.requests import error_codes, fetch_data
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0"
PHONE = f"Mozilla/5.0 (Linux; Android 15; Pixel 9) {CHROME} Mobile Safari/537.36"
EDGE = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36 Edg/142.0.0.0"


async def test_people_see_where_they_are_signed_in(
    browser: Browser, account: ApiUser, make_browser: MakeBrowser
) -> None:
    await make_browser(PHONE).sign_in(account)
    await make_browser(EDGE).sign_in(account)
    session = await browser.sign_in(account)

    response = await browser.send("GET", "/sessions", authorization=f"Bearer {session['accessToken']}")

    sessions = response.json()["data"]
    assert response.status_code == 200, response.text
    assert [(row["device"], row["isCurrent"]) for row in sessions] == [
        ("Firefox on Linux", True),
        ("Edge on Windows", False),
        ("Chrome on Android", False),
        ("Python", False),
    ]
    assert set(sessions[0]) == {"id", "device", "ip", "aal", "createdAt", "lastUsedAt", "isCurrent"}
    assert sessions[0]["ip"] == "127.0.0.1"
    assert sessions[0]["aal"] == "aal1"
    assert sessions[0]["lastUsedAt"] == sessions[0]["createdAt"]


async def test_a_refresh_is_a_use(browser: Browser, account: ApiUser) -> None:
    session = await browser.sign_in(account)
    await browser.refresh()

    response = await browser.send("GET", "/sessions", authorization=f"Bearer {session['accessToken']}")

    current = response.json()["data"][0]
    assert current["isCurrent"]
    assert current["lastUsedAt"] > current["createdAt"]


async def test_a_session_that_is_ended_is_over_at_once(browser: Browser, account: ApiUser) -> None:
    session = await browser.sign_in(account)
    sessions = (await account.get("/sessions")).json()["data"]
    other_id = next(row["id"] for row in sessions if not row["isCurrent"])

    response = await account.delete(f"/sessions/{other_id}")

    assert response.status_code == 204
    refused = await browser.send("GET", "/users/me", authorization=f"Bearer {session['accessToken']}")
    assert refused.status_code == 401
    assert await browser.refresh() is None
    assert (await account.delete(f"/sessions/{other_id}")).status_code == 404
    assert [row["id"] for row in (await account.get("/sessions")).json()["data"]] == [str(account.session_id)]


async def test_sign_out_everywhere_else_keeps_this_session(browser: Browser, account: ApiUser) -> None:
    session = await browser.sign_in(account)

    response = await account.delete("/sessions?scope=others")

    assert response.status_code == 204
    assert [row["isCurrent"] for row in (await account.get("/sessions")).json()["data"]] == [True]
    refused = await browser.send("GET", "/users/me", authorization=f"Bearer {session['accessToken']}")
    assert refused.status_code == 401


async def test_sign_out_everywhere_ends_this_session_too(browser: Browser, account: ApiUser) -> None:
    await browser.sign_in(account)

    assert (await account.delete("/sessions")).status_code == 204

    assert (await account.get("/sessions")).status_code == 401
    assert await browser.refresh() is None


@pytest.mark.parametrize("query", ["scope=mine", "scope=", "all=true"])
async def test_an_unknown_scope_ends_nothing(account: ApiUser, query: str) -> None:
    assert (await account.delete(f"/sessions?{query}")).status_code == 400
    assert (await account.get("/sessions")).status_code == 200


async def test_sessions_of_others_are_not_found(users: UserFactory, account: ApiUser, user: ApiUser) -> None:
    admin = await users.create("Root", is_admin=True)
    for other in (user, admin):
        assert (await other.get(f"/sessions/{account.session_id}")).status_code == 404
        assert (await other.delete(f"/sessions/{account.session_id}")).status_code == 404
        assert [row["id"] for row in (await other.get("/sessions")).json()["data"]] == [str(other.session_id)]
        assert (await other.delete("/sessions?scope=others")).status_code == 204

    assert (await account.get("/sessions")).status_code == 200
    assert (await users.anonymous().get("/sessions")).status_code == 401
    assert (await users.anonymous().delete("/sessions")).status_code == 401
    assert (await account.delete("/sessions/not-a-uuid")).status_code == 404


async def test_graphql_shows_and_ends_sessions_as_rest_does(browser: Browser, account: ApiUser, user: ApiUser) -> None:
    await browser.sign_in(account)
    query = "{ sessions { id device ip aal createdAt lastUsedAt isCurrent } }"
    sessions = (await fetch_data(account, query))["sessions"]

    assert sessions == (await account.get("/sessions")).json()["data"]
    delete = "mutation ($id: ID!) { deleteSession(id: $id) }"
    other_id = sessions[0]["id"]
    assert await error_codes(user, delete, id=other_id) == ["NOT_FOUND"]
    assert await fetch_data(account, delete, id=other_id) == {"deleteSession": True}
    await browser.sign_in(account)
    assert await fetch_data(account, "mutation { endOtherSessions }") == {"endOtherSessions": 1}
    assert await fetch_data(account, "mutation { endAllSessions }") == {"endAllSessions": 1}
    assert (await account.get("/sessions")).status_code == 401


@pytest.mark.parametrize("path", ["/sessions/{id}", "/sessions", "/sessions?scope=others"])
async def test_sockets_of_ended_sessions_are_closed_within_two_seconds(
    address: str, browser: Browser, account: ApiUser, path: str
) -> None:
    session = await browser.sign_in(account)
    session_id = next(row["id"] for row in (await account.get("/sessions")).json()["data"] if not row["isCurrent"])
    async with connect(f"ws://{address}/ws?token={session['accessToken']}") as connection:
        client = WsClient(connection)
        await client.receive("ready")

        assert (await account.delete(path.format(id=session_id))).status_code == 204

        started_at = time.monotonic()
        assert (await client.wait_closed())[0] == 4401
        assert time.monotonic() - started_at < 2


async def test_sockets_of_other_sessions_stay_open(address: str, browser: Browser, account: ApiUser) -> None:
    await browser.sign_in(account)
    async with connect(f"ws://{address}/ws?token={account.token}") as connection:
        client = WsClient(connection)
        await client.receive("ready")
        assert (await account.delete("/sessions?scope=others")).status_code == 204

        await client.send("nonsense")

        assert (await client.receive("error"))["code"] == "BAD_REQUEST"
