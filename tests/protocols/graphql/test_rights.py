"""Rights through GraphQL are REST's: every verb of every position gets the same code."""

from __future__ import annotations

from typing import Any

import pytest

from tests.casts import Cast, cast
from tests.people import People, Person
from tests.protocols.graphql.asking import codes, data

pytestmark = pytest.mark.anyio

POSITIONS = [
    "anonymous", "outsider", "removed", "viewer", "assignee", "member", "admin", "owner", "system_admin"
]  # fmt: skip
CODES = {
    200: "",
    201: "",
    204: "",
    401: "UNAUTHENTICATED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    409: "CONFLICT",
}


async def first(person: Person, query: str, **variables: object) -> str:
    """Return the code of a document's error, or nothing."""
    return next(iter(await codes(person, query, **variables)), "")


async def by_rest(of: Cast, actor: Person, task: dict[str, Any]) -> dict[str, str]:
    """Return what each verb answers by REST, as codes, in an order in which none spoils the next."""
    item, below = f"/tasks/{task['id']}", f"{of.path}/tasks"
    member = f"{of.path}/members/{of.owner.id}"
    statuses = {
        "create": (await actor.post(below, {"title": "New"})).status_code,
        "update": (await actor.put(item, {"title": "Changed"})).status_code,
        "delete": (await actor.delete(item)).status_code,
        "rename": (await actor.put(of.path, {"name": "Renamed"})).status_code,
        "lower": (await actor.put(member, {"role": "viewer"})).status_code,
        "remove": (await actor.delete(member)).status_code,
        "drop": (await actor.delete(of.path)).status_code,
    }
    return {verb: CODES[status] for verb, status in statuses.items()}


async def by_graphql(of: Cast, actor: Person, task: dict[str, Any]) -> dict[str, str]:
    """Return what each verb answers by GraphQL."""
    project, owner = of.project["id"], str(of.owner.id)
    return {
        "create": await first(
            actor,
            'mutation($p: ID!) { createTask(projectId: $p, input: {title: "New"}) { id project { name } } }',
            p=project,
        ),
        "update": await first(
            actor, 'mutation($t: ID!) { updateTask(id: $t, input: {title: "Changed"}) { id } }', t=task["id"]
        ),
        "delete": await first(actor, "mutation($t: ID!) { deleteTask(id: $t) }", t=task["id"]),
        "rename": await first(
            actor, 'mutation($p: ID!) { updateProject(id: $p, input: {name: "Renamed"}) { id } }', p=project
        ),
        "lower": await first(
            actor,
            "mutation($p: ID!, $u: ID!) { updateMember(projectId: $p, userId: $u, input: {role: viewer}) "
            "{ role user { name } } }",
            p=project,
            u=owner,
        ),
        "remove": await first(
            actor,
            "mutation($p: ID!, $u: ID!) { deleteMember(projectId: $p, userId: $u) }",
            p=project,
            u=owner,
        ),
        "drop": await first(actor, "mutation($p: ID!) { deleteProject(id: $p) }", p=project),
    }


@pytest.mark.parametrize("name", POSITIONS)
async def test_a_change_by_graphql_gets_the_code_it_gets_by_rest(people: People, name: str) -> None:
    told = []
    for ways in (by_rest, by_graphql):
        of = await cast(people)
        actor = await of.actor(name)
        task = await of.owner.task(
            of.project, **({"assigneeId": str(actor.id)} if name == "assignee" else {})
        )
        told.append(await ways(of, actor, task))

    assert told[0] == told[1]


@pytest.mark.parametrize("name", POSITIONS[1:])
async def test_graphql_shows_the_rows_that_rest_shows(people: People, name: str) -> None:
    of = await cast(people)
    actor = await of.actor(name)
    task = await of.owner.task(of.project)
    is_seen = (await actor.get(of.path)).status_code == 200
    query = """query($p: ID!, $t: ID!, $u: ID!) {
      project(id: $p) { id } task(id: $t) { id project { id } } member(projectId: $p, userId: $u) { role }
      tasks(projectId: $p) { id } members(projectId: $p) { userId }
      user(id: $u) { ownedProjects { id } projects { id } memberships { projectId } email }
    }"""

    told = await data(actor, query, p=of.project["id"], t=task["id"], u=str(of.owner.id))

    project = {"id": of.project["id"]}
    members = (await of.owner.get(f"{of.path}/members")).json()["data"]
    assert told == {
        "project": project if is_seen else None,
        "task": {"id": task["id"], "project": project} if is_seen else None,
        "member": {"role": "owner"} if is_seen else None,
        "tasks": [{"id": task["id"]}] if is_seen else [],
        "members": [{"userId": one["userId"]} for one in members] if is_seen else [],
        "user": {
            "ownedProjects": [project] if is_seen else [],
            "projects": [project] if is_seen else [],
            "memberships": [{"projectId": of.project["id"]}] if is_seen else [],
            "email": of.owner.email if is_seen else None,
        },
    }


async def test_the_projects_of_a_user_are_those_that_both_are_in(people: People) -> None:
    of = await cast(people, name="Shared")
    member = await of.actor("member")
    await member.project(name="Hers alone")
    await of.owner.project(name="His alone")
    query = "query($u: ID!) { user(id: $u) { projects { name } } }"

    hers = await data(of.owner, query, u=str(member.id))
    own = await data(member, query, u="me")

    assert {"user": {"projects": [{"name": "Shared"}]}} == hers
    assert {"Shared", "Hers alone"} == {one["name"] for one in own["user"]["projects"]}
