"""Actors are isolated: a statement sees what its own actor may see, and nothing without an actor."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import asyncpg
import pytest

from monynha.core.actor import ANONYMOUS, Actor, ActorKind
from monynha.core.errors import UnauthenticatedError
from monynha.infra.postgres.database import Database, guard_query
from monynha.infra.postgres.pipeline.connection import PendingQuery
from tests.conditions import TIMEOUT_S
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

TABLES = ("users", "posts", "projects", "project_members", "tasks")
CLAIM_SETTINGS = ("request.jwt.claims", "request.jwt.claim.sub", "request.jwt.claim.role")
SETTINGS = (*CLAIM_SETTINGS, "monynha.system_role", "monynha.token_scope", "monynha.token_projects", "monynha.cascade")


@asynccontextmanager
async def connections(database: Database, count: int = 6) -> AsyncIterator[list[asyncpg.Connection[Any]]]:
    """Yield that many of the users' connections for transactions at once: by default all of them."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(database._user_pools.transactions.acquire()) for _ in range(count)]


async def leaked_settings(database: Database) -> list[str]:
    """Return what earlier callers left behind on any of the users' connections."""
    leaks: list[str] = []
    for pipeline in (*database._user_pools.shared._connections, *database._user_pools.exclusive._connections):
        for name in SETTINGS:
            query = PendingQuery("select current_setting($1::text, true)", (name,), asyncio.Future())
            pipeline.send((query,))
            value = (await query.future).row
            leaks += [name] if value is not None and value[0] else []
    async with connections(database) as all_connections:
        for connection in all_connections:
            leaks += ["a transaction"] if connection.is_in_transaction() else []
            for name in SETTINGS:
                value = await connection.fetchval("select current_setting($1, true)", name)
                leaks += [name] if value else []
    return leaks


async def create_users_with_projects(users: UserFactory, size: int) -> dict[str, ApiUser]:
    """Return users with a project each, by the id of the project."""
    created = [await users.create(f"P{number}") for number in range(size)]
    return {(await user.create_project(name=user.name))["id"]: user for user in created}


async def test_concurrent_users_see_only_their_own_data(users: UserFactory, database: Database) -> None:
    users_by_project = await create_users_with_projects(users, 20)
    signed_out_user = await users.create("Gone")
    await signed_out_user.create_project()
    await users.end_session(signed_out_user)
    rng = random.Random(7)
    leaks: list[str] = []

    async def read(project: str, user: ApiUser) -> None:
        response = await user.get("/projects?limit=5&include=owner,tasks,members")
        if [row["id"] for row in response.json()["data"]] != [project]:
            leaks.append(response.text)

    async def write(project: str, user: ApiUser) -> None:
        await user.create_task({"id": project}, title=user.name)
        response = await user.put(f"/projects/{project}", {"description": user.name})
        if response.json()["data"]["ownerId"] != str(user.id):
            leaks.append(response.text)

    async def update_foreign_project(project: str, _: ApiUser) -> None:
        other = rng.choice([owner for other_project, owner in users_by_project.items() if other_project != project])
        response = await other.put(f"/projects/{project}", {"name": "Trespassed"})
        if response.status_code != 404:
            leaks.append(response.text)

    async def read_with_ended_session(_: str, __: ApiUser) -> None:
        for response in (
            await signed_out_user.get("/projects"),
            await signed_out_user.put("/users/me", {"name": "x"}),
        ):
            if response.status_code != 401:
                leaks.append(response.text)

    async def read_without_token(_: str, __: ApiUser) -> None:
        if (await users.anonymous().get("/projects")).status_code != 401:
            leaks.append("anonymous read")

    operations = [
        read,
        read,
        read,
        write,
        update_foreign_project,
        read_with_ended_session,
        read_without_token,
    ]
    tasks = [
        asyncio.create_task(rng.choice(operations)(project, owner))
        for project, owner in rng.choices([*users_by_project.items()], k=600)
    ]
    for task in rng.sample(tasks, 150):
        asyncio.get_running_loop().call_later(rng.uniform(0, 1.0), task.cancel)
    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert [result for result in results if isinstance(result, Exception)] == []
    assert leaks == []
    assert await leaked_settings(database) == []
    names = [
        (await owner.get(f"/projects/{project}")).json()["data"]["name"] for project, owner in users_by_project.items()
    ]
    assert names == [owner.name for owner in users_by_project.values()]


async def test_every_pool_works_after_cancelled_requests(users: UserFactory, database: Database) -> None:
    user = await users.create()
    paths = ("/projects?include=owner,members.user", "/projects?q=x", "/users/me")
    for _ in range(5):
        tasks = [asyncio.create_task(user.get(path)) for path in paths * 15]
        tasks += [asyncio.create_task(user.put("/users/me", {"name": "Ada"})) for _ in range(20)]
        await asyncio.sleep(0.005)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async with asyncio.timeout(TIMEOUT_S):
        async with connections(database) as all_connections:
            assert len({connection.get_server_pid() for connection in all_connections}) == 6
    responses = await asyncio.gather(*(user.get(path) for path in paths * 10))
    assert {response.status_code for response in responses} == {200}


async def test_connection_without_claims_sees_nothing(users: UserFactory, database: Database) -> None:
    user = await users.create()
    await user.create_task(await user.create_project())
    await user.create("/posts", {"title": "x", "content": ""})

    async with connections(database, 1) as (connection,):
        assert await connection.fetchval("select auth.uid()") is None
        for table in TABLES:
            assert await connection.fetchval(f"select count(*) from public.{table}") == 0
            assert await connection.execute(f"delete from public.{table}") == "DELETE 0"
        assert await connection.fetchval("select count(*) from public.visible_emails") == 0
        for statement in (
            "insert into public.posts (title, content) values ('x', '')",
            "insert into public.projects (name) values ('x')",
        ):
            with pytest.raises(asyncpg.PostgresError):
                await connection.execute(statement)


async def test_connection_without_its_role_is_denied_everything(database: Database) -> None:
    async with connections(database, 1) as (connection,):
        await connection.execute("set role none")
        denied = []
        for statement in (
            *(f"select id from public.{table}" for table in ("users", "posts", "projects", "tasks")),
            "select role from public.project_members",
            "insert into public.projects (name) values ('x')",
            "delete from public.tasks",
            "select auth.uid()",
            "select auth.set_actor('{}', null, null)",
            "select public.user_id_by_email('x')",
            "select id from auth.users",
            "select release from monynha.schema_release",
            "select email from public.visible_emails",
            "create table public.mine (id int)",
            "create schema mine",
        ):
            try:
                await connection.execute(statement)
            except asyncpg.InsufficientPrivilegeError:
                denied.append(statement)
            else:
                pytest.fail(f"allowed: {statement}")
        await connection.execute("reset role")
        role = await connection.fetchval("select current_user")

    assert len(denied) == 15
    assert role == "monynha_app"


async def test_users_cannot_read_internal_tables_and_columns(database: Database) -> None:
    async with connections(database, 1) as (connection,):
        for table in (
            "auth.users",
            "auth.sessions",
            "auth.identities",
            "auth.one_time_tokens",
            "monynha.schema_release",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"select from {table}")
        for column in ("email", "email_verified"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"select {column} from public.users")
        for change in ("owner_id = auth.uid()", "id = id", "version = 1", "created_at = now()"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"update public.projects set {change}")


@pytest.mark.parametrize("session", ["ended session", "session of another user"])
async def test_query_is_not_evaluated_without_a_live_session_of_the_user(
    users: UserFactory, database: Database, session: str
) -> None:
    user, other_user = await users.create("Ada"), await users.create("Grace")
    await users.end_session(user)
    session_id = user.session_id if session == "ended session" else other_user.session_id
    actor = Actor(ActorKind.USER, user.id, session_id, user.actor.claims)
    # Fails with another error if it is evaluated.
    query = guard_query("select to_json(1 / (select count(*)::int - count(*)::int from public.users))")

    with pytest.raises(UnauthenticatedError):
        await database.as_actor(actor).fetch_json(query, ())


async def test_plan_below_the_guard_is_never_executed_for_an_ended_session(
    users: UserFactory, database: Database
) -> None:
    user = await users.create()
    await users.end_session(user)
    query = "select json_agg(name) from public.projects"

    async with connections(database, 1) as (connection,):
        for _ in range(8):  # from the sixth execution on the server may use a generic plan
            plan = await connection.fetch(
                f"explain (analyze, costs off, timing off, summary off) {guard_query(query)}",
                user.actor.claims,
                user.id,
                user.session_id,
            )
            lines = [line[0] for line in plan]
            assert any("projects" in line and "never executed" in line for line in lines), lines


async def test_anonymous_actor_has_no_user_id_in_the_database(database: Database) -> None:
    response = await database.as_actor(ANONYMOUS).fetch_json(guard_query("select to_json(auth.uid() is null)"), ())

    assert response == b"true"
