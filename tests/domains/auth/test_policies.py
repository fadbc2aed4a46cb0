"""Who asks, as the database knows it: the functions and policies of the schema auth."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from monynha.core.actor import ANONYMOUS, Actor, ActorKind, system_actor
from monynha.core.errors import UnauthenticatedError
from monynha.infra.postgres.database import Database, guard_query
from monynha.infra.postgres.errors import ConstraintViolationError
from tests.users import ApiUser, UserFactory

WHO = "json_build_array(auth.uid(), auth.role(), auth.is_admin(), auth.jwt() ->> 'sub')"
TABLES = ("users", "identities", "sessions", "one_time_tokens", "authorization_codes")
SERVICE = Actor(ActorKind.SERVICE, claims='{"role":"service_role"}')


async def test_every_asker_is_known_as_who_they_are(database: Database, users: UserFactory) -> None:
    ada, root = await users.create("Ada"), await users.create("Root", is_admin=True)

    answers = {
        actor: await database.as_actor(actor).fetch_json(guard_query(f"select {WHO}"), ())
        for actor in (ada.actor, root.actor, SERVICE, ANONYMOUS)
    }

    assert answers == {
        ada.actor: f'["{ada.id}", "authenticated", false, "{ada.id}"]'.encode(),
        root.actor: f'["{root.id}", "authenticated", true, "{root.id}"]'.encode(),
        SERVICE: b'[null, "service_role", true, null]',
        ANONYMOUS: b'[null, "anon", false, null]',
    }


@pytest.mark.parametrize("value", ["null", "''"])
async def test_a_setting_that_is_null_or_empty_is_nobody(database: Database, value: str) -> None:
    async with database.as_actor(system_actor("auth")).transaction() as transaction:
        for name in ("request.jwt.claims", "request.jwt.claim.sub", "request.jwt.claim.role"):
            await transaction.execute(f"select set_config('{name}', {value}, true)")
        row = await transaction.fetch_row("select auth.uid(), auth.role(), auth.jwt(), auth.is_admin()")

    assert tuple(row or ()) == (None, None, None, False)


async def test_claims_end_with_their_statement_and_their_transaction(database: Database, user: ApiUser) -> None:
    for _ in range(30):
        await database.as_actor(user.actor).fetch_json(guard_query("select to_json(1)"), ())
        async with database.as_actor(user.actor).transaction() as transaction:
            assert await transaction.fetch_value("select auth.uid()") == user.id
        async with database.as_actor(ANONYMOUS).transaction() as transaction:
            assert await transaction.fetch_value("select auth.uid()") is None


async def ended(users: UserFactory, database: Database) -> list[Actor]:
    gone, deleted, banned, signed_out, expired = [await users.create() for _ in range(5)]
    async with database.as_actor(system_actor("auth")).transaction() as transaction:
        await transaction.execute("delete from auth.users where id = $1", gone.id)
        await transaction.execute("update auth.users set deleted_at = now() where id = $1", deleted.id)
        await transaction.execute("update auth.users set banned_until = 'infinity' where id = $1", banned.id)
        await transaction.execute("delete from auth.sessions where id = $1", signed_out.session_id)
        await transaction.execute("update auth.sessions set not_after = now() where id = $1", expired.session_id)
    stranger, other = await users.create(), await users.create()
    foreign = Actor(ActorKind.USER, gone.id, stranger.session_id, "{}")
    stolen = Actor(ActorKind.USER, stranger.id, other.session_id, "{}")
    unknown = Actor(ActorKind.USER, uuid4(), None, "{}")
    return [
        gone.actor,
        deleted.actor,
        banned.actor,
        signed_out.actor,
        expired.actor,
        foreign,
        stolen,
        unknown,
    ]


async def test_whose_account_or_session_is_over_is_let_in_nowhere(database: Database, users: UserFactory) -> None:
    for actor in await ended(users, database):
        with pytest.raises(UnauthenticatedError):
            await database.as_actor(actor).fetch_json(guard_query("select to_json(1)"), ())
        with pytest.raises(UnauthenticatedError):
            async with database.as_actor(actor).transaction():
                pytest.fail("the transaction began")


async def test_what_a_refused_asker_asked_for_is_not_looked_at(database: Database, users: UserFactory) -> None:
    gone = (await ended(users, database))[0]
    fails_when_run = guard_query("select to_json(1 / (count(*) - count(*))) from public.users")

    with pytest.raises(UnauthenticatedError):
        await database.as_actor(gone).fetch_json(fails_when_run, ())


async def test_who_is_refused_does_not_go_on_as_the_one_before(database: Database, user: ApiUser) -> None:
    async with database.as_actor(user.actor).transaction() as transaction:
        assert await transaction.fetch_value("select auth.uid()") == user.id
        assert await transaction.fetch_value("select auth.set_actor('{}', $1, null)", uuid4()) is False
        row = await transaction.fetch_row("select auth.uid(), auth.role(), auth.is_admin(), auth.jwt()")

    assert tuple(row or ()) == (None, None, False, None)


@pytest.mark.parametrize("table", TABLES)
async def test_nobody_who_asks_reads_or_writes_accounts(database: Database, users: UserFactory, table: str) -> None:
    ada, root = await users.create("Ada"), await users.create("Root", is_admin=True)
    for actor in (ada.actor, root.actor, SERVICE, ANONYMOUS):
        for statement in (f"select 1 from auth.{table}", f"delete from auth.{table}"):
            with pytest.raises(ConstraintViolationError) as refused:
                async with database.as_actor(actor).transaction() as transaction:
                    await transaction.execute(statement)
            assert refused.value.is_permission_denied


@pytest.mark.parametrize("table", TABLES)
async def test_another_part_of_the_program_sees_no_account(database: Database, user: ApiUser, table: str) -> None:
    async with database.as_actor(system_actor("reports")).transaction() as transaction:
        assert await transaction.fetch_value(f"select count(*) from auth.{table}") == 0
        assert await transaction.execute(f"delete from auth.{table}") == 0


async def test_another_part_of_the_program_lets_nobody_in(database: Database, user: ApiUser) -> None:
    with pytest.raises(ConstraintViolationError) as refused:
        async with database.as_actor(system_actor("auth")).transaction() as transaction:
            await transaction.execute("select auth.set_actor('{}', $1, null)", user.id)

    assert refused.value.is_permission_denied


async def test_every_table_of_auth_has_forced_row_level_security(database: Database) -> None:
    async with database.as_actor(system_actor("auth")).transaction() as transaction:
        found = await transaction.fetch_rows(
            "select relname, relrowsecurity, relforcerowsecurity from pg_class "
            "where relnamespace = 'auth'::regnamespace and relkind = 'r'"
        )

    assert {tuple(row) for row in found} == {(table, True, True) for table in TABLES}


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ("(email) values ('Ada@example.com')", "account_email_is_lower_case"),
        ("(is_anonymous) values (false)", "account_email_or_phone_is_required"),
        ("(email, user_metadata) values ('a1@example.com', '[]')", "account_user_metadata_is_an_object"),
        ("(email, app_metadata) values ('a2@example.com', '1')", "account_app_metadata_is_an_object"),
    ],
)
async def test_the_schema_holds_what_an_account_must_be(database: Database, values: str, constraint: str) -> None:
    with pytest.raises(ConstraintViolationError) as refused:
        async with database.as_actor(system_actor("auth")).transaction() as transaction:
            await transaction.execute(f"insert into auth.users {values}")

    assert refused.value.constraint == constraint


async def test_a_guest_needs_no_address(database: Database) -> None:
    async with database.as_actor(system_actor("auth")).transaction() as transaction:
        made = await transaction.fetch_value("insert into auth.users (is_anonymous) values (true) returning id")

    assert isinstance(made, UUID)
