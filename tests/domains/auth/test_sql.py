"""Who asks, as the database knows it: the functions and policies of the schema auth."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from monynha.core.actor import NOBODY, Actor, ActorKind, system
from monynha.core.errors import Unauthenticated
from monynha.infra.postgres.database import Database, guarded
from monynha.infra.postgres.faults import Violation
from tests.people import People, Person

WHO = "json_build_array(auth.uid(), auth.role(), auth.is_admin(), auth.jwt() ->> 'sub')"
TABLES = ("users", "identities", "sessions", "one_time_tokens", "authorization_codes")
SERVICE = Actor(ActorKind.SERVICE, claims='{"role":"service_role"}')


async def test_every_asker_is_known_as_who_they_are(database: Database, people: People) -> None:
    ada, root = await people.new("Ada"), await people.new("Root", is_admin=True)

    answers = {
        actor: await database.acting(actor).ask(guarded(f"select {WHO}"), ())
        for actor in (ada.actor, root.actor, SERVICE, NOBODY)
    }

    assert answers == {
        ada.actor: f'["{ada.id}", "authenticated", false, "{ada.id}"]'.encode(),
        root.actor: f'["{root.id}", "authenticated", true, "{root.id}"]'.encode(),
        SERVICE: b'[null, "service_role", true, null]',
        NOBODY: b'[null, "anon", false, null]',
    }


@pytest.mark.parametrize("value", ["null", "''"])
async def test_a_setting_that_is_null_or_empty_is_nobody(database: Database, value: str) -> None:
    async with database.acting(system("auth")).transaction() as transaction:
        for name in ("request.jwt.claims", "request.jwt.claim.sub", "request.jwt.claim.role"):
            await transaction.run(f"select set_config('{name}', {value}, true)")
        row = await transaction.row("select auth.uid(), auth.role(), auth.jwt(), auth.is_admin()")

    assert tuple(row or ()) == (None, None, None, False)


async def test_claims_end_with_their_statement_and_their_transaction(database: Database, ada: Person) -> None:
    for _ in range(30):
        await database.acting(ada.actor).ask(guarded("select to_json(1)"), ())
        async with database.acting(ada.actor).transaction() as transaction:
            assert await transaction.value("select auth.uid()") == ada.id
        async with database.acting(NOBODY).transaction() as transaction:
            assert await transaction.value("select auth.uid()") is None


async def ended(people: People, database: Database) -> list[Actor]:
    gone, deleted, banned, signed_out, expired = [await people.new() for _ in range(5)]
    async with database.acting(system("auth")).transaction() as transaction:
        await transaction.run("delete from auth.users where id = $1", gone.id)
        await transaction.run("update auth.users set deleted_at = now() where id = $1", deleted.id)
        await transaction.run("update auth.users set banned_until = 'infinity' where id = $1", banned.id)
        await transaction.run("delete from auth.sessions where id = $1", signed_out.session_id)
        await transaction.run("update auth.sessions set not_after = now() where id = $1", expired.session_id)
    stranger, other = await people.new(), await people.new()
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


async def test_whose_account_or_session_is_over_is_let_in_nowhere(database: Database, people: People) -> None:
    for actor in await ended(people, database):
        with pytest.raises(Unauthenticated):
            await database.acting(actor).ask(guarded("select to_json(1)"), ())
        with pytest.raises(Unauthenticated):
            async with database.acting(actor).transaction():
                pytest.fail("the transaction began")


async def test_what_a_refused_asker_asked_for_is_not_looked_at(database: Database, people: People) -> None:
    gone = (await ended(people, database))[0]
    fails_when_run = guarded("select to_json(1 / (count(*) - count(*))) from public.users")

    with pytest.raises(Unauthenticated):
        await database.acting(gone).ask(fails_when_run, ())


async def test_who_is_refused_does_not_go_on_as_the_one_before(database: Database, ada: Person) -> None:
    async with database.acting(ada.actor).transaction() as transaction:
        assert await transaction.value("select auth.uid()") == ada.id
        assert await transaction.value("select auth.enter('{}', $1, null)", uuid4()) is False
        row = await transaction.row("select auth.uid(), auth.role(), auth.is_admin(), auth.jwt()")

    assert tuple(row or ()) == (None, None, False, None)


@pytest.mark.parametrize("table", TABLES)
async def test_nobody_who_asks_reads_or_writes_accounts(
    database: Database, people: People, table: str
) -> None:
    ada, root = await people.new("Ada"), await people.new("Root", is_admin=True)
    for actor in (ada.actor, root.actor, SERVICE, NOBODY):
        for statement in (f"select 1 from auth.{table}", f"delete from auth.{table}"):
            with pytest.raises(Violation) as refused:
                async with database.acting(actor).transaction() as transaction:
                    await transaction.run(statement)
            assert refused.value.is_refusal


@pytest.mark.parametrize("table", TABLES)
async def test_another_part_of_the_program_sees_no_account(
    database: Database, ada: Person, table: str
) -> None:
    async with database.acting(system("reports")).transaction() as transaction:
        assert await transaction.value(f"select count(*) from auth.{table}") == 0
        assert await transaction.run(f"delete from auth.{table}") == 0


async def test_another_part_of_the_program_lets_nobody_in(database: Database, ada: Person) -> None:
    with pytest.raises(Violation) as refused:
        async with database.acting(system("auth")).transaction() as transaction:
            await transaction.run("select auth.enter('{}', $1, null)", ada.id)

    assert refused.value.is_refusal


async def test_every_table_of_auth_has_forced_row_level_security(database: Database) -> None:
    async with database.acting(system("auth")).transaction() as transaction:
        found = await transaction.rows(
            "select relname, relrowsecurity, relforcerowsecurity from pg_class "
            "where relnamespace = 'auth'::regnamespace and relkind = 'r'"
        )

    assert {tuple(row) for row in found} == {(table, True, True) for table in TABLES}


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ("(email) values ('Ada@example.com')", "account_email_is_lower_case"),
        ("(is_anonymous) values (false)", "only_guests_lack_an_address"),
        ("(email, user_metadata) values ('a1@example.com', '[]')", "account_user_metadata_is_an_object"),
        ("(email, app_metadata) values ('a2@example.com', '1')", "account_app_metadata_is_an_object"),
    ],
)
async def test_the_schema_holds_what_an_account_must_be(
    database: Database, values: str, constraint: str
) -> None:
    with pytest.raises(Violation) as refused:
        async with database.acting(system("auth")).transaction() as transaction:
            await transaction.run(f"insert into auth.users {values}")

    assert refused.value.constraint == constraint


async def test_a_guest_needs_no_address(database: Database) -> None:
    async with database.acting(system("auth")).transaction() as transaction:
        made = await transaction.value("insert into auth.users (is_anonymous) values (true) returning id")

    assert isinstance(made, UUID)
