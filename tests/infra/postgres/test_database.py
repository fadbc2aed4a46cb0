"""The database: transactions of an actor, reported commits, and the role that an admin's token hints at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from monynha.core.actor import ANONYMOUS, system_actor
from monynha.core.errors import InternalError, SettingsError, UnauthenticatedError
from monynha.infra.embedded import ServerUrls
from monynha.infra.postgres.database import Database, guard_query, is_database_reachable
from monynha.infra.postgres.errors import ConstraintViolationError
from monynha.infra.postgres.stream_version import StreamVersion
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

RENAME = "update public.projects set name = $1 where id = $2"
CURRENT_ROLE = guard_query("select to_json(current_user)")


async def test_transaction_reports_the_stream_versions_that_it_committed(database: Database, user: ApiUser) -> None:
    project_id = UUID((await user.create_project())["id"])
    written: list[StreamVersion] = []
    connection = database.as_actor(user.actor).with_on_commit(written.extend)

    async with connection.transaction() as transaction:
        assert await transaction.execute(RENAME, "Renamed", project_id) == 1
        assert written == []

    assert [(stream.kind, stream.id) for stream in written] == [("project", project_id)]
    assert written[0].version is not None


async def test_transaction_that_raises_is_rolled_back_and_reports_nothing(database: Database, user: ApiUser) -> None:
    project_id = UUID((await user.create_project(name="Original"))["id"])
    written: list[StreamVersion] = []
    connection = database.as_actor(user.actor).with_on_commit(written.extend)

    with pytest.raises(KeyError):  # noqa: PT012  # the transaction is what is tested
        async with connection.transaction() as transaction:
            await transaction.execute(RENAME, "Renamed", project_id)
            raise KeyError
    async with connection.transaction() as transaction:
        name = await transaction.fetch_value("select name from public.projects where id = $1", project_id)

    assert name == "Original"
    assert written == []


async def test_database_with_a_listener_reports_the_commits_of_every_actor(database: Database, user: ApiUser) -> None:
    project_id = UUID((await user.create_project())["id"])
    written: list[StreamVersion] = []
    reporting = database.with_on_commit(written.extend)

    async with reporting.as_actor(user.actor).transaction() as transaction:
        await transaction.execute(RENAME, "Renamed", project_id)
    async with database.as_actor(user.actor).transaction() as transaction:
        await transaction.execute(RENAME, "Renamed again", project_id)

    assert [stream.id for stream in written] == [project_id], "only what was written through that database"


async def test_dry_run_undoes_its_statements_only(database: Database, user: ApiUser) -> None:
    project_id = UUID((await user.create_project())["id"])
    async with database.as_actor(user.actor).transaction() as transaction:
        await transaction.execute(RENAME, "Kept", project_id)
        async with transaction.dry_run():
            await transaction.execute(RENAME, "Undone", project_id)

        assert await transaction.fetch_value("select name from public.projects where id = $1", project_id) == "Kept"


async def test_driver_errors_in_a_transaction_become_ours(database: Database, user: ApiUser) -> None:
    with pytest.raises(InternalError):
        async with database.as_actor(user.actor).transaction() as transaction:
            await transaction.fetch_rows("select nothing")
    with pytest.raises(ConstraintViolationError) as violation:
        async with database.as_actor(user.actor).transaction() as transaction:
            await transaction.execute("select id from auth.users")

    assert violation.value.is_permission_denied


async def test_admin_is_found_whatever_the_token_claims(database: Database, users: UserFactory) -> None:
    user, admin = await users.create(), await users.create(is_admin=True)
    for is_hinted in (True, False):
        as_user = database.as_actor(replace(user.actor, is_admin=is_hinted))
        as_admin = database.as_actor(replace(admin.actor, is_admin=is_hinted))

        assert await as_user.fetch_json(CURRENT_ROLE, ()) == b'"monynha_app"'
        assert await as_admin.fetch_json(CURRENT_ROLE, ()) == b'"monynha_admin"'
        async with as_user.transaction() as transaction:
            assert await transaction.fetch_value("select current_user::text") == "monynha_app"
        async with as_admin.transaction() as transaction:
            assert await transaction.fetch_value("select current_user::text") == "monynha_admin"


async def test_ended_session_is_rejected_by_reads_and_transactions(database: Database, users: UserFactory) -> None:
    user = await users.create()
    connection = database.as_actor(user.actor)
    await connection.require_live_session()
    await users.end_session(user)

    with pytest.raises(UnauthenticatedError):
        await connection.require_live_session()
    with pytest.raises(UnauthenticatedError):
        async with connection.transaction():
            pytest.fail("the transaction has begun")


async def test_program_reads_under_its_own_name(database: Database) -> None:
    connection = database.as_actor(system_actor("it's a test"))

    name = await connection.fetch_as_system("select to_json(current_setting('monynha.actor') || $2::text)", "!")
    async with connection.transaction() as transaction:
        name_in_transaction = await transaction.fetch_value("select current_setting('monynha.actor')")

    assert name == b'"it\'s a test!"'
    assert name_in_transaction == "it's a test"


async def test_database_that_does_not_respond_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL: the database does not answer"):
        await Database.open(f"postgresql://x@/x?host={tmp_path}")


async def test_database_is_reachable_until_it_is_closed(running_servers: ServerUrls) -> None:
    database = await Database.open(running_servers.database_url, size=1)

    assert await is_database_reachable(database)
    await database.close()
    assert not await is_database_reachable(database)


async def test_anonymous_actor_reads_as_a_user_without_an_id(database: Database) -> None:
    connection = database.as_actor(ANONYMOUS)

    assert await connection.fetch_json(CURRENT_ROLE, ()) == b'"monynha_app"'
