"""What the doctor finds in a database, each fault made on purpose and taken back."""

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
FAULTS = {
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
    "a policy that always holds": (
        "create policy p on posts for select to monynha_app using (true)",
        'public.posts "p"',
        "is always true",
    ),
    "a check that always holds": (
        "create policy p on posts for insert to monynha_app with check (true)",
        'public.posts "p"',
        "is always true",
    ),
    "rights from what users write": (
        "create policy p on posts for select to monynha_app "
        "using ((select auth.jwt()) -> 'user_metadata' ->> 'role' = 'admin')",
        'public.posts "p"',
        "user_metadata",
    ),
    "asking once a row": (
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
    "addresses for everybody": (
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
    "a condition with a way around it": (
        "create policy p on posts for select to monynha_admin using ((select auth.is_admin()) or true)",
        'public.posts "p"',
        "is always true",
    ),
    "asking a function of ours once a row": (
        "create function mine() returns uuid language sql stable return null::uuid;"
        "create policy p on posts for select to monynha_app using (author_id = mine())",
        'public.posts "p"',
        "once per row",
    ),
    "a function that looks names up": (
        "create function f() returns bigint language sql as 'select count(*) from posts'",
        "f()",
        "caller's search_path",
    ),
    "a definer above the rules": (
        "reset role; create function f() returns int language sql security definer set search_path = '' "
        "as 'select 1'; revoke execute on function f() from public",
        "f()",
        "bypasses row-level security",
    ),
    "a right that no policy looks at": (
        "grant truncate on posts to monynha_app",
        "public.posts",
        "does not cover",
    ),
    "a view that asks nobody": (
        "create view v with (security_barrier) as select id from posts; grant select on v to monynha_app",
        "public.v",
        "does not check the current user",
    ),
    "a view above the rules": (
        "reset role; create view v with (security_barrier) as select id from posts "
        "where author_id = (select auth.uid()); grant select on v to monynha_admin",
        "public.v",
        "bypasses row-level security",
    ),
    "a view that was filled once": (
        "create materialized view v as select id from posts; grant select (id) on v to monynha_app",
        "public.v",
        "does not cover",
    ),
    "a table elsewhere": (
        "reset role; create foreign data wrapper w; create server s foreign data wrapper w;"
        "create foreign table far (id int) server s; grant select on far to monynha_app",
        "public.far",
        "does not cover",
    ),
    "a role above the rules": (
        "reset role; alter role monynha_app bypassrls",
        "monynha_app",
        "bypasses row-level security",
    ),
    "a role that is another too": (
        "reset role; grant pg_monitor to monynha_app",
        "monynha_app",
        "member of pg_monitor",
    ),
    "a schema that anybody builds in": (
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

WIDE = {"accounts for everybody", "a column granted by way of its table"}
"""Faults that are found in several places."""


async def test_a_database_of_this_release_has_no_findings(database: Database) -> None:
    assert await audit_database(database) == []


@pytest.mark.parametrize("name", FAULTS)
async def test_what_would_undo_the_rights_is_found(name: str, settings: Settings, running_servers: ServerUrls) -> None:
    fault, place, says = FAULTS[name]
    keeper = load_or_create_secrets(settings.data_dir).superuser_password
    connection = await asyncpg.connect(running_servers.owner_url, user="postgres", password=keeper)
    try:
        async with connection.transaction():
            await connection.execute(f"set local role monynha_owner; {fault}")
            # As whom the doctor asks: what only the owner sees would be found here and nowhere else.
            await connection.execute("set local role monynha_system")
            found = [(row["object"], row["message"]) for row in await connection.fetch(QUERY)]
            raise _TakeBack(found)
    except _TakeBack as taken_back:
        found = taken_back.found
    finally:
        await connection.close()

    assert [where for where, told in found if says in told and where == place] == [place]
    assert {place} == {where for where, _ in found} or name in WIDE


async def test_what_is_dangerous_stops_the_start_and_what_is_doubtful_does_not(
    settings: Settings, running_servers: ServerUrls, owner_sql: OwnerSql
) -> None:
    await owner_sql("create index again on posts (author_id, created_at desc, id desc)")
    await owner_sql("alter table posts no force row level security")
    try:
        with pytest.raises(SettingsError, match=r"public\.posts: Row-level security is off.* `monynha doctor`"):
            await build(settings, running_servers)
        await owner_sql("alter table posts force row level security")
        await (await build(settings, running_servers)).close()
        told = {one.name: one.level for one in await run_checks(settings)}
    finally:
        await owner_sql("alter table posts force row level security")
        await owner_sql("drop index again")

    assert told["again"] == "warning"


class _TakeBack(Exception):
    def __init__(self, found: list[tuple[str, str]]) -> None:
        self.found = found
