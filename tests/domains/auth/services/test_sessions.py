"""Sessions: refreshed tokens, and what a copied one does."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from tests.conditions import wait_until_blocked
from tests.domains.auth.conftest import AuthApp
from tests.live_server import OwnerSql


async def test_a_refresh_returns_new_tokens_of_the_same_session(auth_app: AuthApp) -> None:
    session = await auth_app.sign_up()
    auth_app.clock.advance(3000)

    again = (await auth_app.refresh(session["refresh_token"])).json()

    assert again["refresh_token"] != session["refresh_token"]
    assert again["expires_at"] == session["expires_at"] + 3000
    old, new = (auth_app.auth.tokens.verify(tokens["access_token"]) for tokens in (session, again))
    assert old.session_id == new.session_id


async def test_a_lost_response_does_not_sign_the_user_out(auth_app: AuthApp) -> None:
    session = await auth_app.sign_up()
    lost = (await auth_app.refresh(session["refresh_token"])).json()
    auth_app.clock.advance(86_400)

    again = await auth_app.refresh(session["refresh_token"])

    assert again.status_code == 200
    assert again.json()["refresh_token"] == lost["refresh_token"]


async def test_concurrent_refreshes_return_the_same_token(auth_app: AuthApp, owner_sql: OwnerSql) -> None:
    session = await auth_app.sign_up()
    user_id = UUID(session["user"]["id"])
    counter = "select refresh_counter from auth.sessions where user_id = $1"

    async with auth_app.repository.transaction() as transaction:
        # The row stays locked until refreshes wait for it, so that they are concurrent.
        await transaction.execute(f"{counter} for update", user_id)
        tasks = [asyncio.create_task(auth_app.refresh(session["refresh_token"])) for _ in range(4)]
        await wait_until_blocked(owner_sql, 2)
    responses = await asyncio.gather(*tasks)

    assert {response.status_code for response in responses} == {200}
    assert len({response.json()["refresh_token"] for response in responses}) == 1
    async with auth_app.repository.transaction() as transaction:
        assert await transaction.fetch_value(counter, user_id) == 1, "only one of them rotates the token"


async def test_a_recently_replaced_token_returns_the_current_one(auth_app: AuthApp) -> None:
    first = (await auth_app.sign_up())["refresh_token"]
    second = (await auth_app.refresh(first)).json()["refresh_token"]
    third = (await auth_app.refresh(second)).json()["refresh_token"]
    auth_app.clock.advance(9)

    assert (await auth_app.refresh(first)).json()["refresh_token"] == third


async def test_a_reused_token_ends_the_session_for_every_holder(auth_app: AuthApp) -> None:
    session = await auth_app.sign_up()
    second = (await auth_app.refresh(session["refresh_token"])).json()["refresh_token"]
    third = (await auth_app.refresh(second)).json()
    auth_app.clock.advance(11)

    reused = await auth_app.refresh(session["refresh_token"])

    assert (reused.status_code, reused.json()["error_code"]) == (400, "refresh_token_already_used")
    owners = await auth_app.refresh(third["refresh_token"])
    assert (owners.status_code, owners.json()["error_code"]) == (400, "session_not_found")
    assert (await auth_app.get("/user", third["access_token"])).status_code == 403


@pytest.mark.parametrize("token", ["x", "AAAAAAAAAAAAAAAA", "'; drop table auth.sessions; --", "\x00", "é" * 48])
async def test_a_refresh_token_that_was_never_issued_is_not_found(auth_app: AuthApp, token: str) -> None:
    response = await auth_app.refresh(token)

    assert (response.status_code, response.json()["error_code"]) == (400, "refresh_token_not_found")


async def test_the_database_stores_no_usable_refresh_token(auth_app: AuthApp) -> None:
    session = await auth_app.sign_up()
    async with auth_app.repository.transaction() as transaction:
        row = await transaction.fetch_row("select * from auth.sessions where user_id = $1", UUID(session["user"]["id"]))

    assert row is not None
    stored = " ".join(str(value) for value in dict(row).values())
    assert session["refresh_token"] not in stored
    assert session["refresh_token"][-20:] not in stored


async def test_a_refresh_token_of_a_deleted_account_finds_no_session(auth_app: AuthApp) -> None:
    session = await auth_app.sign_up()
    await auth_app.delete(f"/admin/users/{session['user']['id']}", auth_app.service_key)

    response = await auth_app.refresh(session["refresh_token"])

    assert (response.status_code, response.json()["error_code"]) == (400, "session_not_found")


async def test_a_sign_out_that_ends_nothing_writes_nothing(auth_app: AuthApp, owner_sql: OwnerSql) -> None:
    """A signed-in client could otherwise fill the audit log as fast as it sends requests."""
    session = await auth_app.sign_up()
    for _ in range(5):
        response = await auth_app.post("/logout?scope=others", {}, session["access_token"])
        assert response.status_code == 204

    rows = await owner_sql(
        "select action from monynha.audit_events where actor_id::text = $1 order by number", session["user"]["id"]
    )
    assert [row["action"] for row in rows] == ["user.signed_up", "session.created"]
