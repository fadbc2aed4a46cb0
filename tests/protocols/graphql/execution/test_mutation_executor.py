"""Mutations run in order, each in a transaction, and their errors name the field."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.protocols.graphql.requests import error_codes, execute, fetch_data, fetch_errors
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


async def test_created_row_is_returned_with_its_relations(user: ApiUser) -> None:
    query = """mutation($input: CreateProjectInput!) { made: createProject(input: $input) {
      name status settings myRole owner { id } members { role user { name } } membersPage { total }
      tasks { id }
    } }"""

    data = await fetch_data(user, query, input={"name": " Garden ", "settings": {"deep": [1, {"a": None}]}})

    assert data["made"] == {
        "name": "Garden",
        "status": "active",
        "settings": {"deep": [1, {"a": None}]},
        "myRole": "owner",
        "owner": {"id": str(user.id)},
        "members": [{"role": "owner", "user": {"name": "Ada"}}],
        "membersPage": {"total": 1},
        "tasks": [],
    }


async def test_graphql_mutation_writes_what_rest_returns(user: ApiUser) -> None:
    project = await user.create_project()
    query = """mutation($p: ID!, $due: DateTime) { createTask(projectId: $p, input: {
      title: "A", description: "b", status: review, priority: urgent, dueDate: $due, tags: ["x", "y"]
    }) { id projectId title description status priority assigneeId dueDate tags createdAt updatedAt } }"""

    created = (await fetch_data(user, query, p=project["id"], due="2026-05-01T02:00:00+02:00"))["createTask"]

    assert (await user.get(f"/tasks/{created['id']}")).json()["data"] == created
    assert created["dueDate"] == "2026-05-01T00:00:00.000000Z"


async def test_members_are_added_updated_and_removed(user: ApiUser, users: UserFactory) -> None:
    grace, project = await users.create("Grace"), await user.create_project()
    create = """mutation($p: ID!, $input: CreateMemberInput!) {
      createMember(projectId: $p, input: $input) { projectId userId role user { name } }
    }"""
    change_members = """mutation($p: ID!, $u: ID!) {
      updateMember(projectId: $p, userId: $u, input: {role: admin}) { role }
      deleteMember(projectId: $p, userId: $u)
    }"""

    created = await fetch_data(user, create, p=project["id"], input={"email": grace.email})
    twice = await fetch_errors(user, create, p=project["id"], input={"userId": str(grace.id), "role": "viewer"})
    unknown = await fetch_errors(user, create, p=project["id"], input={"email": "nobody@example.com"})
    both = await fetch_errors(user, create, p=project["id"], input={"email": grace.email, "userId": str(grace.id)})
    changed = await fetch_data(user, change_members, p=project["id"], u=str(grace.id))

    assert created["createMember"] == {
        "projectId": project["id"],
        "userId": str(grace.id),
        "role": "member",
        "user": {"name": "Grace"},
    }
    assert [error["extensions"]["code"] for error in twice] == ["CONFLICT"]
    assert unknown[0]["extensions"]["details"] == {"email": "is not registered"}
    assert both[0]["extensions"]["details"] == {"userId": "must not be combined with email"}
    assert changed == {"updateMember": {"role": "admin"}, "deleteMember": True}


async def test_mutation_runs_in_order_and_stops_at_the_first_error(user: ApiUser) -> None:
    query = """mutation {
      __typename
      first: createProject(input: {name: "One"}) { name }
      second: createProject(input: {name: " "}) { name }
      third: createProject(input: {name: "Three"}) { name }
    }"""

    response = (await execute(user, query)).json()

    names = [project["name"] for project in (await user.get("/projects")).json()["data"]]
    assert names == ["One"]
    assert response["data"] is None
    assert [error["path"] for error in response["errors"]] == [["second"]]
    assert response["errors"][0]["extensions"]["code"] == "VALIDATION_ERROR"
    assert response["errors"][0]["extensions"]["details"] == {"name": "must not be empty"}


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"title": None}, "VALIDATION_ERROR"),
        ({"title": "x" * 501}, "VALIDATION_ERROR"),
        ({"title": 5}, "VALIDATION_ERROR"),
        ({"status": "finished"}, "VALIDATION_ERROR"),
        ({"dueDate": "tomorrow"}, "VALIDATION_ERROR"),
        ({"dueDate": 5}, "VALIDATION_ERROR"),
        ({"assigneeId": "me"}, "VALIDATION_ERROR"),
        ({"assigneeId": str(uuid4())}, "VALIDATION_ERROR"),
        ({"projectId": str(uuid4())}, "VALIDATION_ERROR"),
        ({"tags": ["x"] * 51}, "VALIDATION_ERROR"),
    ],
)
async def test_graphql_rejects_what_rest_rejects(user: ApiUser, variables: dict[str, Any], code: str) -> None:
    task = await user.create_task(await user.create_project())
    query = "mutation($t: ID!, $input: UpdateTaskInput!) { updateTask(id: $t, input: $input) { id } }"

    codes_received = await error_codes(user, query, t=task["id"], input=variables)

    assert codes_received == [code]
    assert (await user.put(f"/tasks/{task['id']}", variables)).status_code == 422
    assert task == (await user.get(f"/tasks/{task['id']}")).json()["data"]


SIGN_UP = "mutation($input: CreateUserInput!) { createUser(input: $input) { %s } }"


async def test_anonymous_caller_can_sign_up(users: UserFactory) -> None:
    anonymous, email = users.anonymous(), f"{uuid4()}@example.com"
    input = {"name": "New", "email": email, "password": "password123"}
    selections = """id name email emailVerified avatarUrl createdAt __typename posts { id } projects { id }
      tasks: assignedTasksPage { nodes { id } nextCursor total __typename }"""

    created = (await fetch_data(anonymous, SIGN_UP % selections, input=input))["createUser"]
    conflict = await fetch_errors(anonymous, SIGN_UP % "id", input=input)
    wrong = await fetch_errors(anonymous, SIGN_UP % "id", input={"name": "", "email": "x", "password": "short"})
    signed_in = await users.client.post(
        "/auth/v1/token?grant_type=password", json={"email": email, "password": "password123"}
    )

    assert created.pop("createdAt").endswith("Z")
    assert created == {
        "id": signed_in.json()["user"]["id"],
        "name": "New",
        "email": email,
        "emailVerified": True,
        "avatarUrl": None,
        "__typename": "User",
        "posts": [],
        "projects": [],
        "tasks": {"nodes": [], "nextCursor": None, "total": 0, "__typename": "TaskPage"},
    }
    assert (conflict[0]["extensions"]["code"], conflict[0]["path"]) == ("CONFLICT", ["createUser"])
    assert wrong[0]["extensions"]["details"].keys() == {"name", "email", "password"}


async def test_user_updates_their_own_profile_and_email_only(users: UserFactory) -> None:
    ada, grace = await users.create("Ada"), await users.create("Grace")
    query = "mutation($id: ID!, $input: UpdateUserInput!) { updateUser(id: $id, input: $input) { name email } }"
    email = f"{uuid4()}@example.com"

    changed = await fetch_data(ada, query, id="me", input={"name": "Ada L.", "email": email})
    conflict = await error_codes(ada, query, id=str(ada.id), input={"email": grace.email})
    other = await error_codes(ada, query, id=str(grace.id), input={"email": email})
    deleted = await fetch_data(ada, "mutation($id: ID!) { deleteUser(id: $id) }", id=str(ada.id))

    assert changed == {"updateUser": {"name": "Ada L.", "email": email}}
    assert (conflict, other) == (["CONFLICT"], ["FORBIDDEN"])
    assert deleted == {"deleteUser": True}


async def test_user_with_shared_projects_is_deleted_only_with_cascade(users: UserFactory) -> None:
    ada = await users.create("Ada")
    project = await ada.create_project(name="Shared")
    await users.create_member(project, ada, "member")

    conflict = await fetch_errors(ada, 'mutation { deleteUser(id: "me") }')
    deleted = await fetch_data(ada, 'mutation { deleteUser(id: "me", cascade: true) }')

    assert conflict[0]["extensions"]["code"] == "CONFLICT"
    assert "Shared" in conflict[0]["message"]
    assert deleted == {"deleteUser": True}
