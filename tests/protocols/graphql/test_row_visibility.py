"""Relations return the rows that the caller may see; tests/laws compares the root fields with REST."""

from __future__ import annotations

import pytest

from tests.project_team import create_project_team
from tests.protocols.graphql.requests import fetch_data
from tests.users import UserFactory

pytestmark = pytest.mark.anyio

ROLES = [
    "outsider", "removed", "viewer", "assignee", "member", "admin", "owner", "system_admin"
]  # fmt: skip


@pytest.mark.parametrize("name", ROLES)
async def test_relations_return_the_rows_that_rest_returns(users: UserFactory, name: str) -> None:
    team = await create_project_team(users)
    actor = await team.actor(name)
    task = await team.owner.create_task(team.project)
    is_seen = (await actor.get(team.path)).status_code == 200
    query = """query($t: ID!, $u: ID!) {
      task(id: $t) { project { id members { userId } } }
      user(id: $u) { ownedProjects { id } projects { id } memberships { projectId } email }
    }"""

    data = await fetch_data(actor, query, t=task["id"], u=str(team.owner.id))

    project = {"id": team.project["id"]}
    members = [{"userId": member["userId"]} for member in (await team.owner.get(f"{team.path}/members")).json()["data"]]
    assert data == {
        "task": {"project": {**project, "members": members}} if is_seen else None,
        "user": {
            "ownedProjects": [project] if is_seen else [],
            "projects": [project] if is_seen else [],
            "memberships": [{"projectId": team.project["id"]}] if is_seen else [],
            "email": team.owner.email if is_seen else None,
        },
    }


async def test_projects_of_a_user_are_those_shared_with_the_caller(users: UserFactory) -> None:
    team = await create_project_team(users, name="Shared")
    member = await team.actor("member")
    await member.create_project(name="Of the member")
    await team.owner.create_project(name="Of the owner")
    query = "query($u: ID!) { user(id: $u) { projects { name } } }"

    member_projects = await fetch_data(team.owner, query, u=str(member.id))
    own_projects = await fetch_data(member, query, u="me")

    assert member_projects == {"user": {"projects": [{"name": "Shared"}]}}
    assert {project["name"] for project in own_projects["user"]["projects"]} == {"Shared", "Of the member"}
