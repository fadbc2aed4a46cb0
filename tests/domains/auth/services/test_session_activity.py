"""Session activity: a use is stored after a while, once, and never by the request itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest

from monynha.domains.auth.services.session_activity import INTERVAL_S, SessionActivity
from monynha.infra.postgres.database import Database
from tests.users import ApiUser

pytestmark = pytest.mark.anyio
OwnerSql = Callable[..., Awaitable[list[Any]]]
_SET_CREATED_AT = "update auth.sessions set created_at = now() - $2::text::interval where id = $1"


async def last_used_at(owner_sql: OwnerSql, user: ApiUser) -> datetime | None:
    """Return the stored time of the user's session."""
    [row] = await owner_sql("select last_used_at from auth.sessions where id = $1", user.session_id)
    stored: datetime | None = row["last_used_at"]
    return stored


@pytest.fixture
def activity(database: Database) -> SessionActivity:
    """Return an activity that stores at once."""
    return SessionActivity(database, delay_s=0)


async def test_a_use_is_stored_where_the_stored_time_is_old(
    activity: SessionActivity, user: ApiUser, owner_sql: OwnerSql
) -> None:
    await owner_sql(_SET_CREATED_AT, user.session_id, "1 hour")

    activity.note(user.session_id)

    await _finished(activity)
    assert await last_used_at(owner_sql, user) is not None
    [session] = (await user.get("/sessions")).json()["data"]
    assert session["lastUsedAt"] > session["createdAt"]


async def test_a_session_that_has_just_begun_is_not_written(
    activity: SessionActivity, user: ApiUser, owner_sql: OwnerSql
) -> None:
    await owner_sql(_SET_CREATED_AT, user.session_id, f"{INTERVAL_S - 60} seconds")

    activity.note(user.session_id)
    await _finished(activity)

    assert await last_used_at(owner_sql, user) is None


async def test_a_second_use_within_the_interval_stores_nothing(
    activity: SessionActivity, user: ApiUser, owner_sql: OwnerSql
) -> None:
    await owner_sql(_SET_CREATED_AT, user.session_id, "1 hour")
    activity.note(user.session_id)
    await _finished(activity)
    first = await last_used_at(owner_sql, user)
    await owner_sql("update auth.sessions set last_used_at = null where id = $1", user.session_id)

    activity.note(user.session_id)
    await _finished(activity)

    assert first is not None
    assert await last_used_at(owner_sql, user) is None


async def test_what_another_transaction_holds_is_skipped(
    activity: SessionActivity, user: ApiUser, database: Database, owner_sql: OwnerSql
) -> None:
    await owner_sql(_SET_CREATED_AT, user.session_id, "1 hour")
    activity.note(uuid4())
    activity.note(user.session_id)
    async with database.as_actor(user.actor).transaction() as transaction:
        await transaction.execute("delete from public.sessions where id = $1", user.session_id)
        await _finished(activity)

    assert await owner_sql("select 1 from auth.sessions where id = $1", user.session_id) == []


async def test_no_request_writes_it_itself(user: ApiUser, owner_sql: OwnerSql) -> None:
    await owner_sql(_SET_CREATED_AT, user.session_id, "1 hour")

    assert (await user.get("/users/me")).status_code == 200

    assert await last_used_at(owner_sql, user) is None


async def test_closing_forgets_what_is_not_stored(database: Database, user: ApiUser, owner_sql: OwnerSql) -> None:
    await owner_sql(_SET_CREATED_AT, user.session_id, "1 hour")
    activity = SessionActivity(database, delay_s=60)
    activity.note(user.session_id)

    activity.close()
    await asyncio.sleep(0)
    assert activity._task is None

    assert await last_used_at(owner_sql, user) is None


async def _finished(activity: SessionActivity) -> None:
    """Wait until nothing is being stored."""
    while (task := activity._task) is not None:
        await asyncio.wait({task})
