"""A query of any depth is one statement, and its plan serves every caller with their own values."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from monynha.infra.postgres.database import ActorConnection
from tests.protocols.graphql.requests import fetch_data
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


DEEP = """query($p: ID!, $s: [TaskStatus!]) {
  project(id: $p) {
    name owner { name projects { name tasks(limit: 2) { title assignee { name memberships { role } } } } }
    members { role user { name assignedTasksPage(where: {status: $s}) { total nodes { title } nextCursor } } }
  }
  users(limit: 3) { name posts { title author { ownedProjects { name } } } }
  tasksPage(projectId: $p, orderBy: TITLE_ASC) { nodes { title project { owner { name } } } total }
  __schema { queryType { name } }
}"""


@pytest.mark.parametrize(
    "query", ["{ users(limit: 1) { id } }", "{ __typename }", "{ __schema { queryType { name } } }", DEEP]
)
async def test_query_of_any_depth_is_one_round_trip(user: ApiUser, monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    project = await user.create_project()
    statements_sent: list[str] = []
    real = ActorConnection.fetch_json

    async def counted(
        self: ActorConnection, statement: str, binds: Sequence[object], *, is_light: bool
    ) -> bytes | None:
        statements_sent.append(statement)
        return await real(self, statement, binds, is_light=is_light)

    async def never(self: ActorConnection, *_: object) -> None:
        raise AssertionError("a query needs neither a write nor a transaction")

    monkeypatch.setattr(ActorConnection, "fetch_json", counted)
    monkeypatch.setattr(ActorConnection, "insert_returning", never)
    monkeypatch.setattr(ActorConnection, "transaction", never)

    await fetch_data(user, query, p=project["id"], s=["todo", "done"])

    assert len(statements_sent) == 1


async def test_plan_is_shared_by_callers_with_different_values(users: UserFactory) -> None:
    ada, grace = await users.create("Ada"), await users.create("Grace")
    ada_project, grace_project = (
        await ada.create_project(name="Ada project"),
        await grace.create_project(name="Grace project"),
    )
    query = """query($id: ID!, $w: ProjectWhere, $n: Int) {
      project(id: $id) { name } projects(where: $w, limit: $n) { name } user(id: "me") { name }
      tasks(where: {assigneeId: ["me"]}) { title }
    }"""
    task = await ada.create_task(ada_project, title="For Ada", assigneeId=str(ada.id))

    for caller, own_project, name in ((ada, ada_project, "Ada project"), (grace, grace_project, "Grace project")):
        data = await fetch_data(caller, query, id=own_project["id"], w={"q": name.lower()}, n=5)
        other_data = await fetch_data(
            caller,
            query,
            id=(grace_project if own_project is ada_project else ada_project)["id"],
            w={"q": "x"},
            n=5,
        )

        assert data["project"] == {"name": name}
        assert data["projects"] == [{"name": name}]
        assert data["user"] == {"name": caller.name}
        assert data["tasks"] == ([{"title": task["title"]}] if caller is ada else [])
        assert (other_data["project"], other_data["projects"]) == (None, [])
