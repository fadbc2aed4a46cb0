"""MONYNHA_REQUIRE_MFA: whose sessions need a second factor, as the database enforces it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from monynha.core.errors import InsufficientAalError
from monynha.infra.embedded import ServerUrls
from monynha.infra.postgres.connect import with_session_setting
from monynha.infra.postgres.database import Database, guard_query
from tests.live_server import OwnerSql
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio
READ = guard_query("select to_json(1)")


@pytest.fixture(params=["none", "enrolled", "admins", "admins,enrolled"])
async def required(request: pytest.FixtureRequest, running_servers: ServerUrls) -> AsyncIterator[tuple[str, Database]]:
    url = with_session_setting(running_servers.database_url, "monynha.require_mfa", request.param)
    database = await Database.open(url, size=1)
    yield request.param, database
    await database.close()


async def is_refused(database: Database, user: ApiUser) -> bool:
    connection = database.as_actor(user.actor)
    try:
        await connection.fetch_json(READ, (), is_light=True)
        async with connection.transaction() as transaction:
            await transaction.execute("select 1")
    except InsufficientAalError:
        return True
    return False


async def test_the_setting_says_who_needs_a_second_factor(
    required: tuple[str, Database], users: UserFactory, owner_sql: OwnerSql
) -> None:
    setting, database = required
    plain, enrolled, admin = await users.create(), await users.create(), await users.create("Root", is_admin=True)
    await owner_sql(
        "insert into auth.factors (user_id, factor_type, status) values ($1, 'totp', 'verified')", enrolled.id
    )

    refused = [await is_refused(database, user) for user in (plain, enrolled, admin)]
    confirmed = [await is_refused(database, await users.with_aal2(user)) for user in (enrolled, admin)]

    assert refused == [False, "enrolled" in setting, "admins" in setting]
    assert confirmed == [False, False]


async def test_a_factor_that_was_never_verified_demands_nothing(
    required: tuple[str, Database], users: UserFactory, owner_sql: OwnerSql
) -> None:
    _, database = required
    user = await users.create()
    await owner_sql("insert into auth.factors (user_id, factor_type) values ($1, 'totp')", user.id)

    assert not await is_refused(database, user)


async def test_a_factor_that_is_removed_demands_nothing_any_more(
    required: tuple[str, Database], users: UserFactory, owner_sql: OwnerSql
) -> None:
    _, database = required
    user = await users.create()
    await owner_sql("insert into auth.factors (user_id, factor_type, status) values ($1, 'totp', 'verified')", user.id)
    await owner_sql("delete from auth.factors where user_id = $1", user.id)

    assert not await is_refused(database, user)
