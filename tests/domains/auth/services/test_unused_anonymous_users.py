"""Anonymous users who do not come back are deleted, and nobody else is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from monynha.domains.auth.services.unused_anonymous_users import UnusedAnonymousUsers
from monynha.infra.postgres.database import Database
from tests.live_server import OwnerSql
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

NOW = datetime.now(UTC)


async def make_old(owner_sql: OwnerSql, user: ApiUser, *, days: int) -> None:
    """Let the account and its session have begun so many days ago."""
    at = NOW - timedelta(days=days)
    await owner_sql("update auth.users set created_at = $2 where id = $1", user.id, at)
    await owner_sql("update auth.sessions set created_at = $2 where user_id = $1", user.id, at)


async def existing(owner_sql: OwnerSql, users: list[ApiUser]) -> list[UUID]:
    rows = await owner_sql("select id from auth.users where id = any($1)", [user.id for user in users])
    return [user.id for user in users if user.id in {row["id"] for row in rows}]


async def test_those_who_have_not_come_back_are_deleted_with_their_projects(
    users: UserFactory, database: Database, owner_sql: OwnerSql
) -> None:
    gone = [await users.create("Guest", is_anonymous=True) for _ in range(3)]
    new, returning, permanent = (
        await users.create("Guest", is_anonymous=True),
        await users.create("Guest", is_anonymous=True),
        await users.create("Ada"),
    )
    project = await gone[0].create_project()
    for user in (*gone, returning, permanent):
        await make_old(owner_sql, user, days=31)
    await owner_sql("update auth.sessions set refreshed_at = $2 where user_id = $1", returning.id, NOW)
    await users.end_session(gone[1])

    deleted = await UnusedAnonymousUsers(database, 30, batch_size=2).delete(NOW)
    again = await UnusedAnonymousUsers(database, 30).delete(NOW)

    assert (deleted, again) == (3, 0)
    assert await existing(owner_sql, [*gone, new, returning, permanent]) == [new.id, returning.id, permanent.id]
    assert await owner_sql("select from public.projects where id = $1", UUID(project["id"])) == []


async def test_without_the_setting_all_are_kept(users: UserFactory, database: Database, owner_sql: OwnerSql) -> None:
    user = await users.create("Guest", is_anonymous=True)
    await make_old(owner_sql, user, days=3_000)

    assert await UnusedAnonymousUsers(database, None).delete(NOW) == 0
    assert await existing(owner_sql, [user]) == [user.id]
