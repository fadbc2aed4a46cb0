"""Query plans: the actor is looked up once per statement, and lists are read in the order of their index."""

from __future__ import annotations

import re
from uuid import UUID

import pytest

from monynha.app.composition.catalog import CATALOG
from monynha.engine.query.compiler import Compiler
from monynha.engine.query.cursor import decode_cursor
from monynha.engine.query.selection import Condition, Scope, Selection
from monynha.infra.postgres.database import ActorConnection, Database
from monynha.protocols.rest.query_params import QueryParamParser
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

PARSER = QueryParamParser(CATALOG)
FILL_PROJECT = """
insert into public.tasks (project_id, title) select $1, 'Task ' || n from generate_series(1, 400) n
"""


async def explain_analyze(connection: ActorConnection, selection: Selection) -> str:
    """Return how a statement was run, as its actor, with what each node took."""
    statement = Compiler().compile(selection, within_transaction=True)
    async with connection.transaction() as transaction:
        lines = await transaction.fetch_rows(
            f"explain (analyze, costs off, timing off, summary off) {statement.text}",
            *statement.arrange_binds(selection.bind_values()),
        )
    return "\n".join(line[0] for line in lines)


def parse_list(user: ApiUser, plural: str, **query: str) -> Selection:
    """Return the selection of a list's query."""
    return PARSER.parse_list(CATALOG.resources[plural], query, user.actor)


MANY_SMALL_PROJECTS = """
with created as (
  insert into public.projects (name, owner_id) select 'Project ' || n, $1 from generate_series(1, 600) n
  returning id
)
insert into public.tasks (project_id, title) select id, 'A task' from created, generate_series(1, 2)
"""


async def create_large_project(user: ApiUser, database: Database) -> UUID:
    """Return a project with many tasks among others."""
    for _ in range(3):
        project = await user.create_project()
        async with database.as_actor(user.actor).transaction() as transaction:
            await transaction.execute(FILL_PROJECT, UUID(project["id"]))
            await transaction.execute("set local role monynha_owner")
            await transaction.execute("analyze public.tasks")
    return UUID(project["id"])


def below_project(project: UUID, selection: Selection) -> Selection:
    """Return the same list below a project's address."""
    conditions = (Condition("eq", ("projectId",), project), *selection.where)
    scope = Scope(CATALOG.resources["projects"], project)
    return Selection(
        selection.resource,
        selection.fields,
        selection.relations,
        where=conditions,
        order=selection.order,
        limit=selection.limit,
        scope=scope,
    )


@pytest.mark.parametrize(
    ("plural", "query"),
    [
        ("tasks", {}),
        ("tasks", {"include": "project,assignee"}),
        ("projects", {"include": "members.user,owner"}),
        ("projects", {"include": "tasks.assignee", "limit": "5"}),
        ("users", {"include": "ownedProjects,memberships", "limit": "100"}),
    ],
)
async def test_actor_is_looked_up_once_per_node_and_not_once_per_row(
    users: UserFactory, database: Database, plural: str, query: dict[str, str]
) -> None:
    user = await users.create()
    await create_large_project(user, database)
    connection = database.as_actor(user.actor)

    plan = await explain_analyze(connection, parse_list(user, plural, **query))

    loops = [int(loop) for loop in re.findall(r"ProjectSet \(actual[^)]*loops=(\d+)\)", plan)]
    assert loops
    assert {1} == {*loops}, plan
    assert "visible_project_ids" not in plan.replace("InitPlan", ""), plan


@pytest.mark.parametrize("sort", ["-createdAt", "createdAt"])
async def test_list_below_a_project_is_read_in_index_order(users: UserFactory, database: Database, sort: str) -> None:
    user = await users.create()
    project = await create_large_project(user, database)
    plan = await explain_analyze(
        database.as_actor(user.actor), below_project(project, parse_list(user, "tasks", sort=sort))
    )

    assert re.search(r"Index Scan (Backward )?using tasks_project_id_created_at_idx on tasks", plan), plan
    assert "Sort Key: task_1" not in plan
    rows = re.search(r"tasks_project_id_created_at_idx on tasks task_1 \(actual rows=(\d+)", plan)
    assert rows is not None
    assert int(rows[1]) <= 21


async def test_list_uses_its_index_in_a_large_project_among_small_ones(users: UserFactory, database: Database) -> None:
    user = await users.create()
    project = await create_large_project(user, database)
    async with database.as_actor(user.actor).transaction() as transaction:
        await transaction.execute("set local role monynha_owner")
        await transaction.execute(MANY_SMALL_PROJECTS, user.id)
        await transaction.execute("analyze public.projects, public.project_members, public.tasks")

    plan = await explain_analyze(database.as_actor(user.actor), below_project(project, parse_list(user, "tasks")))

    assert "using tasks_project_id_created_at_idx on tasks" in plan, plan
    assert "Sort Key: task_1" not in plan


async def test_next_page_starts_at_the_cursor_in_the_index(users: UserFactory, database: Database) -> None:
    user = await users.create()
    project = await create_large_project(user, database)
    first_page = below_project(project, parse_list(user, "tasks"))
    response = await user.get(f"/projects/{project}/tasks")
    cursor = response.json()["meta"]["nextCursor"]

    next_page = Selection(
        first_page.resource,
        first_page.fields,
        where=first_page.where,
        order=first_page.order,
        limit=first_page.limit,
        scope=first_page.scope,
        after=decode_cursor(first_page, cursor),
    )
    plan = await explain_analyze(database.as_actor(user.actor), next_page)

    assert "Index Cond: ((project_id = " in plan
    assert re.search(r"Index Cond: .*ROW\(created_at, id\) <", plan), plan
