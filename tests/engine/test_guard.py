"""The guard: a statement sees what its own asker may see, and nothing without one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import asyncpg
import pytest

from monynha.core.actor import NOBODY, Actor, ActorKind
from monynha.core.errors import Unauthenticated
from monynha.infra.postgres.database import Database, guarded
from monynha.infra.postgres.turn import Asked
from tests.people import People, Person

pytestmark = pytest.mark.anyio

TABLES = ("users", "posts", "projects", "project_members", "tasks")
CLAIMS = ("request.jwt.claims", "request.jwt.claim.sub", "request.jwt.claim.role")
SETTINGS = (*CLAIMS, "monynha.system_role", "monynha.cascade")


@asynccontextmanager
async def connections(database: Database, count: int = 6) -> AsyncIterator[list[asyncpg.Connection[Any]]]:
    """Return that many of the people's connections for transactions at once: all there are."""
    async with AsyncExitStack() as held:
        yield [await held.enter_async_context(database._people.transactions.lend()) for _ in range(count)]


async def leftovers(database: Database) -> list[str]:
    """Return what askers before have left on any of the people's connections."""
    found: list[str] = []
    for lane in (*database._people.shared._open, *database._people.single._open):
        for name in SETTINGS:
            asked = Asked("select current_setting($1::text, true)", (name,), asyncio.Future())
            lane.ask((asked,))
            left = (await asked.answer).row
            found += [name] if left is not None and left[0] else []
    async with connections(database) as all_of_them:
        for connection in all_of_them:
            found += ["a transaction"] if connection.is_in_transaction() else []
            for name in SETTINGS:
                left = await connection.fetchval("select current_setting($1, true)", name)
                found += [name] if left else []
    return found


async def crowd(people: People, size: int) -> dict[str, Person]:
    """Return people with a project each, by the id of the project; some are dead or nobody."""
    made = [await people.new(f"P{number}") for number in range(size)]
    return {(await person.project(name=person.name))["id"]: person for person in made}


async def test_many_at_once_see_their_own_alone(people: People, database: Database) -> None:
    own = await crowd(people, 20)
    gone = await people.new("Gone")
    await gone.project()
    await people.end_session(gone)
    chance = random.Random(7)
    foreign: list[str] = []

    async def read(project: str, person: Person) -> None:
        answer = await person.get("/projects?include=owner,tasks,members")
        if [project] != [one["id"] for one in answer.json()["data"]]:
            foreign.append(answer.text)

    async def write(project: str, person: Person) -> None:
        await person.task({"id": project}, title=person.name)
        answer = await person.put(f"/projects/{project}", {"description": person.name})
        if answer.json()["data"]["ownerId"] != str(person.id):
            foreign.append(answer.text)

    async def trespass(project: str, _: Person) -> None:
        other = chance.choice([one for key, one in own.items() if key != project])
        answer = await other.put(f"/projects/{project}", {"name": "Trespassed"})
        if answer.status_code != 404:
            foreign.append(answer.text)

    async def dead(_: str, __: Person) -> None:
        for answer in (await gone.get("/projects"), await gone.put("/users/me", {"name": "x"})):
            if answer.status_code != 401:
                foreign.append(answer.text)

    async def nobody(_: str, __: Person) -> None:
        if (await people.nobody().get("/projects")).status_code != 401:
            foreign.append("nobody")

    deeds = [read, read, read, write, trespass, dead, nobody]
    tasks = [
        asyncio.create_task(chance.choice(deeds)(project, person))
        for project, person in chance.choices([*own.items()], k=600)
    ]
    for task in chance.sample(tasks, 150):
        asyncio.get_running_loop().call_later(chance.uniform(0, 1.0), task.cancel)
    ended = await asyncio.gather(*tasks, return_exceptions=True)

    assert [] == [one for one in ended if isinstance(one, Exception)]
    assert [] == foreign
    assert [] == await leftovers(database)
    names = [
        (await person.get(f"/projects/{project}")).json()["data"]["name"] for project, person in own.items()
    ]
    assert [person.name for person in own.values()] == names


async def test_every_way_is_whole_after_cancelled_requests(people: People, database: Database) -> None:
    ada = await people.new()
    ways = ("/projects?include=owner,members.user", "/projects?q=x", "/users/me")
    for _ in range(5):
        tasks = [asyncio.create_task(ada.get(way)) for way in ways * 20]
        tasks += [asyncio.create_task(ada.put("/users/me", {"name": "Ada"})) for _ in range(20)]
        await asyncio.sleep(0.005)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async with asyncio.timeout(4):
        async with connections(database) as all_of_them:
            assert 6 == len({connection.get_server_pid() for connection in all_of_them})
    answers = await asyncio.gather(*(ada.get(way) for way in ways * 10))
    assert {200} == {answer.status_code for answer in answers}


async def test_a_connection_without_claims_sees_nothing(people: People, database: Database) -> None:
    ada = await people.new()
    await ada.task(await ada.project())
    await ada.made("/posts", {"title": "x", "content": ""})

    async with connections(database, 1) as (connection,):
        assert await connection.fetchval("select auth.uid()") is None
        for table in TABLES:
            assert 0 == await connection.fetchval(f"select count(*) from public.{table}")
            assert "DELETE 0" == await connection.execute(f"delete from public.{table}")
        assert 0 == await connection.fetchval("select count(*) from public.visible_addresses")
        for statement in (
            "insert into public.posts (title, content) values ('x', '')",
            "insert into public.projects (name) values ('x')",
        ):
            with pytest.raises(asyncpg.PostgresError):
                await connection.execute(statement)


async def test_a_connection_that_lost_its_role_is_refused_everything(database: Database) -> None:
    async with connections(database, 1) as (connection,):
        await connection.execute("set role none")
        refused = []
        for statement in (
            *(f"select id from public.{table}" for table in ("users", "posts", "projects", "tasks")),
            "select role from public.project_members",
            "insert into public.projects (name) values ('x')",
            "delete from public.tasks",
            "select auth.uid()",
            "select auth.enter('{}', null, null)",
            "select public.user_with_address('x')",
            "select id from auth.users",
            "select release from monynha.applied",
            "select email from public.visible_addresses",
            "create table public.mine (id int)",
            "create schema mine",
        ):
            try:
                await connection.execute(statement)
            except asyncpg.InsufficientPrivilegeError:
                refused.append(statement)
            else:
                pytest.fail(f"allowed: {statement}")
        await connection.execute("reset role")
        role = await connection.fetchval("select current_user")

    assert 15 == len(refused)
    assert "monynha_app" == role


async def test_people_reach_none_of_the_programs_own_tables(database: Database) -> None:
    async with connections(database, 1) as (connection,):
        for table in (
            "auth.users",
            "auth.sessions",
            "auth.identities",
            "auth.one_time_tokens",
            "monynha.applied",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"select from {table}")
        for column in ("email", "email_verified"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"select {column} from public.users")
        for change in ("owner_id = auth.uid()", "id = id", "version = 1", "created_at = now()"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"update public.projects set {change}")


@pytest.mark.parametrize("whose", ["an ended session", "another's session"])
async def test_the_question_is_not_evaluated_for_who_is_not_let_in(
    people: People, database: Database, whose: str
) -> None:
    ada, grace = await people.new("Ada"), await people.new("Grace")
    await people.end_session(ada)
    session = ada.session_id if whose == "an ended session" else grace.session_id
    actor = Actor(ActorKind.USER, ada.id, session, ada.actor.claims)
    # Whoever evaluates it fails.
    question = guarded("select to_json(1 / (select count(*)::int - count(*)::int from public.users))")

    with pytest.raises(Unauthenticated):
        await database.acting(actor).ask(question, ())


async def test_a_dead_sessions_plan_is_never_executed(people: People, database: Database) -> None:
    ada = await people.new()
    await people.end_session(ada)
    query = "select json_agg(name) from public.projects"

    async with connections(database, 1) as (connection,):
        for _ in range(8):  # beyond the sixth the server may keep a generic plan
            plan = await connection.fetch(
                f"explain (analyze, costs off, timing off, summary off) {guarded(query)}",
                ada.actor.claims,
                ada.id,
                ada.session_id,
            )
            told = [line[0] for line in plan]
            assert any("projects" in line and "never executed" in line for line in told), told


async def test_nobody_is_nobody_in_the_database_too(database: Database) -> None:
    answer = await database.acting(NOBODY).ask(guarded("select to_json(auth.uid() is null)"), ())

    assert b"true" == answer
