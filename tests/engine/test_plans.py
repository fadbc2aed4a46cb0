"""Plans: who asks is found out once per statement, and lists walk the index they were given."""

from __future__ import annotations

import re
from uuid import UUID

import pytest

from monynha.app.catalog import CATALOG
from monynha.engine.compiler import Compiler
from monynha.engine.cursor import read_cursor
from monynha.engine.selection import Condition, Scope, Selection
from monynha.infra.postgres.database import Acting, Database
from monynha.protocols.rest.question import Questions
from tests.people import People, Person

pytestmark = pytest.mark.anyio

QUESTIONS = Questions(CATALOG)
FILL = """
insert into public.tasks (project_id, title) select $1, 'Task ' || n from generate_series(1, 400) n
"""


async def plan(acting: Acting, selection: Selection) -> str:
    """Return how a statement was run, as its actor, with what each node took."""
    statement = Compiler().statement(selection, within_transaction=True)
    async with acting.transaction() as transaction:
        lines = await transaction.rows(
            f"explain (analyze, costs off, timing off, summary off) {statement.text}",
            *statement.arrange(selection.binds()),
        )
    return "\n".join(line[0] for line in lines)


def listed(person: Person, plural: str, **query: str) -> Selection:
    """Return the selection of a list's query."""
    return QUESTIONS.list(CATALOG.resources[plural], query, person.actor)


AMONG_MANY = """
with made as (
  insert into public.projects (name, owner_id) select 'Project ' || n, $1 from generate_series(1, 600) n
  returning id
)
insert into public.tasks (project_id, title) select id, 'A task' from made, generate_series(1, 2)
"""


async def board(person: Person, database: Database) -> UUID:
    """Return a project with many tasks among others."""
    for _ in range(3):
        project = await person.project()
        async with database.acting(person.actor).transaction() as transaction:
            await transaction.run(FILL, UUID(project["id"]))
            await transaction.run("set local role monynha_owner")
            await transaction.run("analyze public.tasks")
    return UUID(project["id"])


def below(project: UUID, selection: Selection) -> Selection:
    """Return the same list below a project's address."""
    where = (Condition("is", ("projectId",), project), *selection.where)
    scope = Scope(CATALOG.resources["projects"], project)
    return Selection(
        selection.resource,
        selection.fields,
        selection.branches,
        where=where,
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
async def test_who_asks_is_found_out_once_a_node_and_not_for_each_row(
    people: People, database: Database, plural: str, query: dict[str, str]
) -> None:
    ada = await people.new()
    await board(ada, database)
    acting = database.acting(ada.actor)

    told = await plan(acting, listed(ada, plural, **query))

    loops = [int(loop) for loop in re.findall(r"ProjectSet \(actual[^)]*loops=(\d+)\)", told)]
    assert loops
    assert {1} == {*loops}, told
    assert "projects_i_see" not in told.replace("InitPlan", ""), told


@pytest.mark.parametrize("sort", ["-createdAt", "createdAt"])
async def test_a_project_walks_its_tasks_in_order(people: People, database: Database, sort: str) -> None:
    ada = await people.new()
    project = await board(ada, database)
    told = await plan(database.acting(ada.actor), below(project, listed(ada, "tasks", sort=sort)))

    assert re.search(r"Index Scan (Backward )?using tasks_by_project on tasks", told), told
    assert "Sort Key: task_1" not in told
    rows = re.search(r"tasks_by_project on tasks task_1 \(actual rows=(\d+)", told)
    assert rows is not None
    assert int(rows[1]) <= 21


async def test_a_project_walks_its_tasks_in_order_beside_many_small_ones(
    people: People, database: Database
) -> None:
    ada = await people.new()
    project = await board(ada, database)
    async with database.acting(ada.actor).transaction() as transaction:
        await transaction.run("set local role monynha_owner")
        await transaction.run(AMONG_MANY, ada.id)
        await transaction.run("analyze public.projects, public.project_members, public.tasks")

    told = await plan(database.acting(ada.actor), below(project, listed(ada, "tasks")))

    assert "using tasks_by_project on tasks" in told, told
    assert "Sort Key: task_1" not in told


async def test_a_page_further_on_starts_where_it_begins(people: People, database: Database) -> None:
    ada = await people.new()
    project = await board(ada, database)
    asked = below(project, listed(ada, "tasks"))
    answer = await ada.get(f"/projects/{project}/tasks")
    cursor = answer.json()["meta"]["nextCursor"]

    further = Selection(
        asked.resource,
        asked.fields,
        where=asked.where,
        order=asked.order,
        limit=asked.limit,
        scope=asked.scope,
        after=read_cursor(asked, cursor),
    )
    told = await plan(database.acting(ada.actor), further)

    assert "Index Cond: ((project_id = " in told
    assert re.search(r"Index Cond: .*ROW\(created_at, id\) <", told), told
