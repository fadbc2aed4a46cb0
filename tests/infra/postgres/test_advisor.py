"""The advisor: every problem, created on purpose, is reported."""

from __future__ import annotations

from importlib.resources import files

import asyncpg
import pytest

from monynha.app.composition.application import build
from monynha.app.maintenance.doctor import run_checks
from monynha.core.errors import SettingsError
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls
from monynha.infra.embedded.secret_file import load_or_create_secrets
from monynha.infra.postgres.advisor import audit_database
from monynha.infra.postgres.database import Database
from tests.live_server import OwnerSql

pytestmark = pytest.mark.anyio

QUERY = files("monynha.infra.postgres").joinpath("advisor.sql").read_text()
OPEN = "using ((select auth.uid()) is not null)"
PROBLEMS = {
    "no row-level security": (
        "create table notes (id int)",
        "public.notes",
        "Row-level security is off",
    ),
    "not forced": (
        f"create table notes (id int); alter table notes enable row level security;"
        f"create policy p on notes to monynha_app {OPEN}",
        "public.notes",
        "not forced",
    ),
    "no policy": (
        "create table notes (id int); alter table notes enable row level security, force row level security",
        "public.notes",
        "has no policy",
    ),
    "a policy for every role": (f"create policy p on posts {OPEN}", 'public.posts "p"', "names no role"),
    "a policy that is always true": (
        "create policy p on posts for select to monynha_app using (true)",
        'public.posts "p"',
        "is always true",
    ),
    "a check that is always true": (
        "create policy p on posts for insert to monynha_app with check (true)",
        'public.posts "p"',
        "is always true",
    ),
    "rights from user metadata": (
        "create policy p on posts for select to monynha_app "
        "using ((select auth.jwt()) -> 'user_metadata' ->> 'role' = 'admin')",
        'public.posts "p"',
        "user_metadata",
    ),
    "a call once per row": (
        "create policy p on posts for select to monynha_app using (author_id = auth.uid())",
        'public.posts "p"',
        "once per row",
    ),
    "a definer without a path": (
        "create function f() returns int language sql security definer as 'select 1';"
        "revoke execute on function f() from public",
        "f()",
        "search_path",
    ),
    "a definer for everybody": (
        "create function f() returns int language sql security definer set search_path = '' as 'select 1'",
        "f()",
        "Everybody",
    ),
    "email addresses for everybody": (
        "grant select (email) on users to monynha_app",
        "public.users.email",
        "private column",
    ),
    "accounts for everybody": (
        "grant select on auth.users to monynha_app",
        "auth.users.password_hash",
        "private column",
    ),
    "a column granted by way of its table": (
        "grant select on users to public",
        "public.users.email_verified",
        "private column",
    ),
    "a check that compares nothing of a row": (
        "create policy p on posts for select to monynha_app using (1 = 1)",
        'public.posts "p"',
        "is always true",
    ),
    "a condition that is always true by an alternative": (
        "create policy p on posts for select to monynha_admin using ((select auth.is_admin()) or true)",
        'public.posts "p"',
        "is always true",
    ),
    "a call of our function once per row": (
        "create function mine() returns uuid language sql stable return null::uuid;"
        "create policy p on posts for select to monynha_app using (author_id = mine())",
        'public.posts "p"',
        "once per row",
    ),
    "a function that resolves names": (
        "create function f() returns bigint language sql as 'select count(*) from posts'",
        "f()",
        "caller's search_path",
    ),
    "a definer that bypasses row-level security": (
        "reset role; create function f() returns int language sql security definer set search_path = '' "
        "as 'select 1'; revoke execute on function f() from public",
        "f()",
        "bypasses row-level security",
    ),
    "a privilege that no policy covers": (
        "grant truncate on posts to monynha_app",
        "public.posts",
        "does not cover",
    ),
    "a view that checks no user": (
        "create view v with (security_barrier) as select id from posts; grant select on v to monynha_app",
        "public.v",
        "does not check the current user",
    ),
    "a view that bypasses row-level security": (
        "reset role; create view v with (security_barrier) as select id from posts "
        "where author_id = (select auth.uid()); grant select on v to monynha_admin",
        "public.v",
        "bypasses row-level security",
    ),
    "a materialized view": (
        "create materialized view v as select id from posts; grant select (id) on v to monynha_app",
        "public.v",
        "does not cover",
    ),
    "a foreign table": (
        "reset role; create foreign data wrapper w; create server s foreign data wrapper w;"
        "create foreign table far (id int) server s; grant select on far to monynha_app",
        "public.far",
        "does not cover",
    ),
    "a role that bypasses row-level security": (
        "reset role; alter role monynha_app bypassrls",
        "monynha_app",
        "bypasses row-level security",
    ),
    "a role that is a member of another": (
        "reset role; grant pg_monitor to monynha_app",
        "monynha_app",
        "member of pg_monitor",
    ),
    "a schema that anybody can create in": (
        "reset role; grant create on schema public to public",
        "public",
        "may create tables",
    ),
    "an extension among the tables": (
        "reset role; create extension pg_trgm schema public",
        "pg_trgm",
        "schema of its own",
    ),
    "a foreign key without an index": (
        "drop index posts_author_id_created_at_idx",
        'public.posts "posts_author_id_fkey"',
        "No index begins",
    ),
    "an index made twice": (
        "create index again on posts (author_id, created_at desc, id desc)",
        "again",
        "the same as",
    ),
    "a view without a barrier": (
        "create view v as select id from posts; grant select on v to monynha_app",
        "public.v",
        "security_barrier",
    ),
}

PROBLEMS_OF_SEVERAL_OBJECTS = {"accounts for everybody", "a column granted by way of its table"}
"""Problems that are reported for several objects."""


async def test_database_of_this_release_has_no_findings(database: Database) -> None:
    assert await audit_database(database) == []


@pytest.mark.parametrize("problem", PROBLEMS)
async def test_problem_is_reported_for_its_object(
    problem: str, settings: Settings, running_servers: ServerUrls
) -> None:
    sql, object_name, message = PROBLEMS[problem]
    superuser_password = load_or_create_secrets(settings.data_dir).superuser_password
    connection = await asyncpg.connect(running_servers.owner_url, user="postgres", password=superuser_password)
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(f"set local role monynha_owner; {sql}")
        # The role of `monynha doctor`: it must not need the rights of the owner.
        await connection.execute("set local role monynha_system")
        findings = [(row["object"], row["message"]) for row in await connection.fetch(QUERY)]
    finally:
        await transaction.rollback()
        await connection.close()

    assert [name for name, text in findings if message in text and name == object_name] == [object_name]
    assert {name for name, _ in findings} == {object_name} or problem in PROBLEMS_OF_SEVERAL_OBJECTS


async def test_dangerous_finding_stops_the_start_and_a_warning_does_not(
    settings: Settings, running_servers: ServerUrls, owner_sql: OwnerSql
) -> None:
    await owner_sql("create index again on posts (author_id, created_at desc, id desc)")
    await owner_sql("alter table posts no force row level security")
    try:
        with pytest.raises(SettingsError, match=r"public\.posts: Row-level security is off.* `monynha doctor`"):
            await build(settings, running_servers)
        await owner_sql("alter table posts force row level security")
        await (await build(settings, running_servers)).close()
        levels = {check.name: check.level for check in await run_checks(settings)}
    finally:
        await owner_sql("alter table posts force row level security")
        await owner_sql("drop index again")

    assert levels["again"] == "warning"
