"""Mutations: in order, each whole, with errors that say which field and why."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.people import People, Person
from tests.protocols.graphql.asking import ask, codes, data, errors

pytestmark = pytest.mark.anyio


async def test_what_was_created_is_shown_with_its_relations(ada: Person) -> None:
    query = """mutation($input: CreateProjectInput!) { made: createProject(input: $input) {
      name status settings myRole owner { id } members { role user { name } } membersPage { total }
      tasks { id }
    } }"""

    told = await data(ada, query, input={"name": " Garden ", "settings": {"deep": [1, {"a": None}]}})

    assert told["made"] == {
        "name": "Garden",
        "status": "active",
        "settings": {"deep": [1, {"a": None}]},
        "myRole": "owner",
        "owner": {"id": str(ada.id)},
        "members": [{"role": "owner", "user": {"name": "Ada"}}],
        "membersPage": {"total": 1},
        "tasks": [],
    }


async def test_a_mutation_by_graphql_writes_what_rest_shows(ada: Person) -> None:
    project = await ada.project()
    query = """mutation($p: ID!, $due: DateTime) { createTask(projectId: $p, input: {
      title: "A", description: "b", status: review, priority: urgent, dueDate: $due, tags: ["x", "y"]
    }) { id projectId title description status priority assigneeId dueDate tags createdAt updatedAt } }"""

    made = (await data(ada, query, p=project["id"], due="2026-05-01T02:00:00+02:00"))["createTask"]

    assert (await ada.get(f"/tasks/{made['id']}")).json()["data"] == made
    assert "2026-05-01T00:00:00.000000Z" == made["dueDate"]


async def test_members_come_and_go(ada: Person, people: People) -> None:
    grace, project = await people.new("Grace"), await ada.project()
    create = """mutation($p: ID!, $input: CreateMemberInput!) {
      createMember(projectId: $p, input: $input) { projectId userId role user { name } }
    }"""
    rest = """mutation($p: ID!, $u: ID!) {
      updateMember(projectId: $p, userId: $u, input: {role: admin}) { role }
      deleteMember(projectId: $p, userId: $u)
    }"""

    made = await data(ada, create, p=project["id"], input={"email": grace.email})
    twice = await errors(ada, create, p=project["id"], input={"userId": str(grace.id), "role": "viewer"})
    unknown = await errors(ada, create, p=project["id"], input={"email": "nobody@example.com"})
    both = await errors(ada, create, p=project["id"], input={"email": grace.email, "userId": str(grace.id)})
    gone = await data(ada, rest, p=project["id"], u=str(grace.id))

    assert made["createMember"] == {
        "projectId": project["id"],
        "userId": str(grace.id),
        "role": "member",
        "user": {"name": "Grace"},
    }
    assert ["CONFLICT"] == [one["extensions"]["code"] for one in twice]
    assert {"email": "is not registered"} == unknown[0]["extensions"]["details"]
    assert {"userId": "and email exclude each other"} == both[0]["extensions"]["details"]
    assert {"updateMember": {"role": "admin"}, "deleteMember": True} == gone


async def test_a_mutation_runs_in_order_and_stops_at_the_first_error(ada: Person) -> None:
    query = """mutation {
      __typename
      first: createProject(input: {name: "One"}) { name }
      second: createProject(input: {name: " "}) { name }
      third: createProject(input: {name: "Three"}) { name }
    }"""

    answer = (await ask(ada, query)).json()

    names = [one["name"] for one in (await ada.get("/projects")).json()["data"]]
    assert ["One"] == names
    assert None is answer["data"]
    assert [["second"]] == [one["path"] for one in answer["errors"]]
    assert "VALIDATION_ERROR" == answer["errors"][0]["extensions"]["code"]
    assert {"name": "must not be empty"} == answer["errors"][0]["extensions"]["details"]


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
async def test_what_rest_refuses_graphql_refuses(ada: Person, variables: dict[str, Any], code: str) -> None:
    task = await ada.task(await ada.project())
    query = "mutation($t: ID!, $input: UpdateTaskInput!) { updateTask(id: $t, input: $input) { id } }"

    found = await codes(ada, query, t=task["id"], input=variables)

    assert [code] == found
    assert 422 == (await ada.put(f"/tasks/{task['id']}", variables)).status_code
    assert task == (await ada.get(f"/tasks/{task['id']}")).json()["data"]


SIGN_UP = "mutation($input: CreateUserInput!) { createUser(input: $input) { %s } }"


async def test_anybody_signs_up(people: People) -> None:
    nobody, email = people.nobody(), f"{uuid4()}@example.com"
    given = {"name": "New", "email": email, "password": "password123"}
    shown = """id name email emailVerified avatarUrl createdAt __typename posts { id } projects { id }
      tasks: assignedTasksPage { nodes { id } nextCursor total __typename }"""

    made = (await data(nobody, SIGN_UP % shown, input=given))["createUser"]
    taken = await errors(nobody, SIGN_UP % "id", input=given)
    wrong = await errors(nobody, SIGN_UP % "id", input={"name": "", "email": "x", "password": "short"})
    signed_in = await people.client.post(
        "/auth/v1/token?grant_type=password", json={"email": email, "password": "password123"}
    )

    assert made.pop("createdAt").endswith("Z")
    assert made == {
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
    assert ("CONFLICT", ["createUser"]) == (taken[0]["extensions"]["code"], taken[0]["path"])
    assert {"name", "email", "password"} == wrong[0]["extensions"]["details"].keys()


async def test_people_change_themselves_and_their_address(people: People) -> None:
    ada, grace = await people.new("Ada"), await people.new("Grace")
    query = (
        "mutation($id: ID!, $input: UpdateUserInput!) { updateUser(id: $id, input: $input) { name email } }"
    )
    email = f"{uuid4()}@example.com"

    changed = await data(ada, query, id="me", input={"name": "Ada L.", "email": email})
    taken = await codes(ada, query, id=str(ada.id), input={"email": grace.email})
    other = await codes(ada, query, id=str(grace.id), input={"email": email})
    gone = await data(ada, "mutation($id: ID!) { deleteUser(id: $id) }", id=str(ada.id))

    assert {"updateUser": {"name": "Ada L.", "email": email}} == changed
    assert (["CONFLICT"], ["FORBIDDEN"]) == (taken, other)
    assert {"deleteUser": True} == gone


async def test_a_user_whose_projects_others_share_is_deleted_only_in_cascade(people: People) -> None:
    ada = await people.new("Ada")
    project = await ada.project(name="Shared")
    await people.member(project, ada, "member")

    refused = await errors(ada, 'mutation { deleteUser(id: "me") }')
    done = await data(ada, 'mutation { deleteUser(id: "me", cascade: true) }')

    assert "CONFLICT" == refused[0]["extensions"]["code"]
    assert "Shared" in refused[0]["message"]
    assert {"deleteUser": True} == done
