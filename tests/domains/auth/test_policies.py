"""Functions, policies and constraints of the schema auth."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from monynha.core.actor import ANONYMOUS, Actor, ActorKind, system_actor
from monynha.core.errors import UnauthenticatedError
from monynha.infra.postgres.database import Database, guard_query
from monynha.infra.postgres.errors import ConstraintViolationError
from tests.users import ApiUser, UserFactory

ACTOR_JSON = "json_build_array(auth.uid(), auth.role(), auth.is_admin(), auth.jwt() ->> 'sub')"
TABLES = (
    "users",
    "identities",
    "sessions",
    "one_time_tokens",
    "authorization_codes",
    "factors",
    "factor_challenges",
    "recovery_codes",
    "passkeys",
    "known_devices",
    "oauth_flows",
    "signing_keys",
    "oauth_clients",
    "oauth_authorizations",
    "oauth_consents",
)
SERVICE = Actor(ActorKind.SERVICE, claims='{"role":"service_role"}')


async def test_the_database_knows_every_kind_of_actor(database: Database, users: UserFactory) -> None:
    user, admin = await users.create("Ada"), await users.create("Root", is_admin=True)

    responses = {
        actor: await database.as_actor(actor).fetch_json(guard_query(f"select {ACTOR_JSON}"), ())
        for actor in (user.actor, admin.actor, SERVICE, ANONYMOUS)
    }

    assert responses == {
        user.actor: f'["{user.id}", "authenticated", false, "{user.id}"]'.encode(),
        admin.actor: f'["{admin.id}", "authenticated", true, "{admin.id}"]'.encode(),
        SERVICE: b'[null, "service_role", true, null]',
        ANONYMOUS: b'[null, "anon", false, null]',
    }


@pytest.mark.parametrize("value", ["null", "''"])
async def test_null_or_empty_settings_are_an_anonymous_actor(database: Database, value: str) -> None:
    async with database.as_actor(system_actor("auth")).transaction() as transaction:
        for name in ("request.jwt.claims", "request.jwt.claim.sub", "request.jwt.claim.role"):
            await transaction.execute(f"select set_config('{name}', {value}, true)")
        row = await transaction.fetch_row("select auth.uid(), auth.role(), auth.jwt(), auth.is_admin()")

    assert tuple(row or ()) == (None, None, None, False)


async def test_claims_end_with_their_statement_or_transaction(database: Database, user: ApiUser) -> None:
    for _ in range(30):
        await database.as_actor(user.actor).fetch_json(guard_query("select to_json(1)"), ())
        async with database.as_actor(user.actor).transaction() as transaction:
            assert await transaction.fetch_value("select auth.uid()") == user.id
        async with database.as_actor(ANONYMOUS).transaction() as transaction:
            assert await transaction.fetch_value("select auth.uid()") is None


async def actors_without_live_session(users: UserFactory, database: Database) -> list[Actor]:
    deleted_user, soft_deleted, banned, signed_out, expired = [await users.create() for _ in range(5)]
    async with database.as_actor(system_actor("auth")).transaction() as transaction:
        await transaction.execute("delete from auth.users where id = $1", deleted_user.id)
        await transaction.execute("update auth.users set deleted_at = now() where id = $1", soft_deleted.id)
        await transaction.execute("update auth.users set banned_until = 'infinity' where id = $1", banned.id)
        await transaction.execute("delete from auth.sessions where id = $1", signed_out.session_id)
        await transaction.execute("update auth.sessions set not_after = now() where id = $1", expired.session_id)
    stranger, other = await users.create(), await users.create()
    foreign = Actor(ActorKind.USER, deleted_user.id, stranger.session_id, "{}")
    stolen = Actor(ActorKind.USER, stranger.id, other.session_id, "{}")
    unknown = Actor(ActorKind.USER, uuid4(), None, "{}")
    return [
        deleted_user.actor,
        soft_deleted.actor,
        banned.actor,
        signed_out.actor,
        expired.actor,
        foreign,
        stolen,
        unknown,
    ]


async def test_an_actor_without_a_live_account_and_session_is_refused(database: Database, users: UserFactory) -> None:
    for actor in await actors_without_live_session(users, database):
        with pytest.raises(UnauthenticatedError):
            await database.as_actor(actor).fetch_json(guard_query("select to_json(1)"), ())
        with pytest.raises(UnauthenticatedError):
            async with database.as_actor(actor).transaction():
                pytest.fail("the transaction began")


async def test_the_query_of_a_refused_actor_is_not_executed(database: Database, users: UserFactory) -> None:
    deleted_user = (await actors_without_live_session(users, database))[0]
    fails_when_run = guard_query("select to_json(1 / (count(*) - count(*))) from public.users")

    with pytest.raises(UnauthenticatedError):
        await database.as_actor(deleted_user).fetch_json(fails_when_run, ())


async def test_a_refused_actor_does_not_continue_as_the_previous_one(database: Database, user: ApiUser) -> None:
    async with database.as_actor(user.actor).transaction() as transaction:
        assert await transaction.fetch_value("select auth.uid()") == user.id
        assert await transaction.fetch_value("select auth.set_actor('{}', $1, null)", uuid4()) is False
        row = await transaction.fetch_row("select auth.uid(), auth.role(), auth.is_admin(), auth.jwt()")

    assert tuple(row or ()) == (None, None, False, None)


@pytest.mark.parametrize("table", TABLES)
async def test_no_client_can_read_or_write_auth_tables(database: Database, users: UserFactory, table: str) -> None:
    user, admin = await users.create("Ada"), await users.create("Root", is_admin=True)
    for actor in (user.actor, admin.actor, SERVICE, ANONYMOUS):
        for statement in (f"select 1 from auth.{table}", f"delete from auth.{table}"):
            with pytest.raises(ConstraintViolationError) as refused:
                async with database.as_actor(actor).transaction() as transaction:
                    await transaction.execute(statement)
            assert refused.value.is_permission_denied


@pytest.mark.parametrize("table", TABLES)
async def test_another_system_actor_sees_no_rows_of_auth_tables(database: Database, user: ApiUser, table: str) -> None:
    async with database.as_actor(system_actor("reports")).transaction() as transaction:
        assert await transaction.fetch_value(f"select count(*) from auth.{table}") == 0
        assert await transaction.execute(f"delete from auth.{table}") == 0


async def test_a_system_actor_cannot_set_another_actor(database: Database, user: ApiUser) -> None:
    with pytest.raises(ConstraintViolationError) as refused:
        async with database.as_actor(system_actor("auth")).transaction() as transaction:
            await transaction.execute("select auth.set_actor('{}', $1, null)", user.id)

    assert refused.value.is_permission_denied


async def test_every_table_of_auth_has_forced_row_level_security(database: Database) -> None:
    async with database.as_actor(system_actor("auth")).transaction() as transaction:
        rows = await transaction.fetch_rows(
            "select relname, relrowsecurity, relforcerowsecurity from pg_class "
            "where relnamespace = 'auth'::regnamespace and relkind = 'r'"
        )

    assert {tuple(row) for row in rows} == {(table, True, True) for table in TABLES}


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ("(email) values ('Ada@example.com')", "account_email_is_lower_case"),
        ("(is_anonymous) values (false)", "account_email_or_phone_is_required"),
        ("(email, user_metadata) values ('a1@example.com', '[]')", "account_user_metadata_is_an_object"),
        ("(email, app_metadata) values ('a2@example.com', '1')", "account_app_metadata_is_an_object"),
    ],
)
async def test_constraints_protect_accounts(database: Database, values: str, constraint: str) -> None:
    with pytest.raises(ConstraintViolationError) as refused:
        async with database.as_actor(system_actor("auth")).transaction() as transaction:
            await transaction.execute(f"insert into auth.users {values}")

    assert refused.value.constraint == constraint


async def test_an_anonymous_user_needs_no_address(database: Database) -> None:
    async with database.as_actor(system_actor("auth")).transaction() as transaction:
        user_id = await transaction.fetch_value("insert into auth.users (is_anonymous) values (true) returning id")

    assert isinstance(user_id, UUID)
