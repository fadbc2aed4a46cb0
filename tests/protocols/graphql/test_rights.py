"""What GraphQL shows along relations is what may be seen; tests/laws holds its root fields to REST's."""

from __future__ import annotations

import pytest

from tests.casts import cast
from tests.people import People
from tests.protocols.graphql.asking import data

pytestmark = pytest.mark.anyio

POSITIONS = [
    "outsider", "removed", "viewer", "assignee", "member", "admin", "owner", "system_admin"
]  # fmt: skip


@pytest.mark.parametrize("name", POSITIONS)
async def test_relations_lead_to_the_rows_that_rest_shows(people: People, name: str) -> None:
    of = await cast(people)
    actor = await of.actor(name)
    task = await of.owner.task(of.project)
    is_seen = (await actor.get(of.path)).status_code == 200
    query = """query($t: ID!, $u: ID!) {
      task(id: $t) { project { id members { userId } } }
      user(id: $u) { ownedProjects { id } projects { id } memberships { projectId } email }
    }"""

    told = await data(actor, query, t=task["id"], u=str(of.owner.id))

    project = {"id": of.project["id"]}
    members = [{"userId": one["userId"]} for one in (await of.owner.get(f"{of.path}/members")).json()["data"]]
    assert told == {
        "task": {"project": {**project, "members": members}} if is_seen else None,
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
