"""Refreshing: how tokens follow each other, and what a copied one does."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from tests.domains.auth.conftest import AuthApp


async def test_a_refresh_gives_new_tokens_of_the_same_session(desk: AuthApp) -> None:
    session = await desk.sign_up()
    desk.clock.advance(3000)

    again = (await desk.refresh(session["refresh_token"])).json()

    assert again["refresh_token"] != session["refresh_token"]
    assert again["expires_at"] == session["expires_at"] + 3000
    old, new = (desk.auth.tokens.verify(each["access_token"]) for each in (session, again))
    assert old.session_id == new.session_id


async def test_an_answer_that_was_lost_on_the_way_signs_nobody_out(desk: AuthApp) -> None:
    session = await desk.sign_up()
    lost = (await desk.refresh(session["refresh_token"])).json()
    desk.clock.advance(86_400)

    again = await desk.refresh(session["refresh_token"])

    assert again.status_code == 200
    assert again.json()["refresh_token"] == lost["refresh_token"]


async def test_refreshes_at_once_all_get_the_same_token(desk: AuthApp) -> None:
    session = await desk.sign_up()
    user_id = UUID(session["user"]["id"])
    counter = "select refresh_counter from auth.sessions where user_id = $1"

    async with desk.auth.parts.transaction() as transaction:
        # Held up until all of them have come as far as they can, so that they do meet.
        await transaction.execute(f"{counter} for update", user_id)
        asking = [asyncio.create_task(desk.refresh(session["refresh_token"])) for _ in range(4)]
        await asyncio.sleep(0.5)
    answers = await asyncio.gather(*asking)

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    async with desk.auth.parts.transaction() as transaction:
        assert await transaction.fetch_value(counter, user_id) == 1, "one went on, the others waited for it"


async def test_a_token_replaced_a_moment_ago_is_answered_with_the_current_one(desk: AuthApp) -> None:
    first = (await desk.sign_up())["refresh_token"]
    second = (await desk.refresh(first)).json()["refresh_token"]
    third = (await desk.refresh(second)).json()["refresh_token"]
    desk.clock.advance(9)

    assert (await desk.refresh(first)).json()["refresh_token"] == third


async def test_a_copied_token_ends_the_session_for_everybody_who_holds_it(desk: AuthApp) -> None:
    session = await desk.sign_up()
    second = (await desk.refresh(session["refresh_token"])).json()["refresh_token"]
    third = (await desk.refresh(second)).json()
    desk.clock.advance(11)

    reused = await desk.refresh(session["refresh_token"])

    assert (reused.status_code, reused.json()["error_code"]) == (400, "refresh_token_already_used")
    owners = await desk.refresh(third["refresh_token"])
    assert (owners.status_code, owners.json()["error_code"]) == (400, "session_not_found")
    assert (await desk.get("/user", third["access_token"])).status_code == 403


@pytest.mark.parametrize("token", ["x", "AAAAAAAAAAAAAAAA", "'; drop table auth.sessions; --", "\x00", "é" * 48])
async def test_a_refresh_token_that_was_never_given_is_not_found(desk: AuthApp, token: str) -> None:
    answer = await desk.refresh(token)

    assert (answer.status_code, answer.json()["error_code"]) == (400, "refresh_token_not_found")


async def test_no_refresh_token_is_told_the_oauth_way(desk: AuthApp) -> None:
    answer = await desk.post("/token?grant_type=refresh_token", {})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_what_the_database_holds_cannot_refresh(desk: AuthApp) -> None:
    session = await desk.sign_up()
    async with desk.auth.parts.transaction() as transaction:
        row = await transaction.fetch_row("select * from auth.sessions where user_id = $1", UUID(session["user"]["id"]))

    assert row is not None
    held = " ".join(str(value) for value in dict(row).values())
    assert session["refresh_token"] not in held
    assert session["refresh_token"][-20:] not in held


async def test_a_refresh_token_after_the_account_is_gone_finds_no_session(desk: AuthApp) -> None:
    session = await desk.sign_up()
    await desk.request("DELETE", f"/admin/users/{session['user']['id']}", desk.service_key)

    answer = await desk.refresh(session["refresh_token"])

    assert (answer.status_code, answer.json()["error_code"]) == (400, "session_not_found")
