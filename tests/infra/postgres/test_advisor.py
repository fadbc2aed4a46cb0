"""What the doctor finds in a database, each fault made on purpose and taken back."""

from __future__ import annotations

from importlib.resources import files

import asyncpg
import pytest

from monynha.infra.embedded import Servers
from monynha.infra.postgres.advisor import look_over
from monynha.infra.postgres.database import Database

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
        "No policy",
    ),
    "a policy for every role": (f"create policy p on posts {OPEN}", 'public.posts "p"', "names no role"),
    "a policy that always holds": (
        "create policy p on posts for select to monynha_app using (true)",
        'public.posts "p"',
        "always holds",
    ),
    "a check that always holds": (
        "create policy p on posts for insert to monynha_app with check (true)",
        'public.posts "p"',
        "always holds",
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
        "once a row",
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
        "nobody",
    ),
    "accounts for everybody": (
        "grant select on auth.users to monynha_app",
        "auth.users.password_hash",
        "nobody",
    ),
    "a view without a barrier": (
        "create view v as select id from posts; grant select on v to monynha_app",
        "v",
        "security_barrier",
    ),
}


async def test_a_database_of_this_release_has_no_findings(database: Database) -> None:
    assert [] == await look_over(database)


@pytest.mark.parametrize("name", FAULTS)
async def test_what_would_undo_the_rights_is_found(
    name: str, running_servers: Servers, database: Database
) -> None:
    fault, place, says = FAULTS[name]
    connection = await asyncpg.connect(running_servers.owner_url, server_settings={"role": "monynha_owner"})
    try:
        async with connection.transaction():
            await connection.execute(fault)
            found = [(row["object"], row["says"]) for row in await connection.fetch(QUERY)]
            raise _TakeBack(found)
    except _TakeBack as taken_back:
        found = taken_back.found
    finally:
        await connection.close()

    assert [place] == [where for where, told in found if says in told and where == place]
    assert {place} == {where for where, _ in found} or name == "accounts for everybody"


class _TakeBack(Exception):
    def __init__(self, found: list[tuple[str, str]]) -> None:
        self.found = found
