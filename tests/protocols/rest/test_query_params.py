"""What a response contains: `include` adds relations, `fields` selects fields, and the cost of both is limited."""

from __future__ import annotations

from typing import Any

import pytest

from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


async def create_assigned_task(user: ApiUser, users: UserFactory) -> tuple[dict[str, Any], dict[str, Any], ApiUser]:
    """Return a project with a task that its second member is assigned to."""
    project = await user.create_project()
    other_user = await users.create_member(project, user, "member", "Grace")
    task = await user.create_task(project, assigneeId=str(other_user.id))
    return project, task, other_user


async def get_data(user: ApiUser, path: str) -> Any:
    """Return the data of a response."""
    response = await user.get(path)
    assert response.status_code == 200, response.text
    return response.json()["data"]


async def test_included_relation_is_the_same_as_on_its_own(user: ApiUser, users: UserFactory) -> None:
    project, task, other_user = await create_assigned_task(user, users)
    post = await other_user.create("/posts", {"title": "x", "content": ""})
    project_path, task_path = f"/projects/{project['id']}", f"/tasks/{task['id']}"
    user_data, other_user_data = (
        await get_data(user, "/users/me"),
        await get_data(user, f"/users/{other_user.id}"),
    )
    members = await get_data(user, f"{project_path}/members")

    for path, relation, expected in [
        (project_path, "owner", user_data),
        (project_path, "members", members),
        (project_path, "tasks", [task]),
        (task_path, "project", await get_data(user, project_path)),
        (task_path, "assignee", other_user_data),
        (f"{project_path}/members/{other_user.id}", "user", other_user_data),
        (f"{project_path}/members/{other_user.id}", "project", await get_data(user, project_path)),
        (f"/posts/{post['id']}", "author", other_user_data),
        ("/users/me", "ownedProjects", [await get_data(user, project_path)]),
        ("/users/me", "memberships", [members[-1]]),
        (f"/users/{other_user.id}", "assignedTasks", [task]),
        (f"/users/{other_user.id}", "posts", [post]),
    ]:
        alone = await get_data(user, path)
        assert await get_data(user, f"{path}?include={relation}") == {**alone, relation: expected}, relation


async def test_relations_are_included_in_lists(user: ApiUser, users: UserFactory) -> None:
    project, task, other_user = await create_assigned_task(user, users)
    await user.create_task(project, title="Nobody's")

    tasks = await get_data(user, "/tasks?include=assignee,project.owner&sort=createdAt")

    assert [task["assignee"] and task["assignee"]["id"] for task in tasks] == [str(other_user.id), None]
    assert [task["project"]["owner"]["id"] for task in tasks] == [str(user.id)] * 2
    assert task["id"] == tasks[0]["id"]


async def test_relations_are_included_at_any_depth_that_the_cost_allows(user: ApiUser, users: UserFactory) -> None:
    project, task, _ = await create_assigned_task(user, users)

    deep = await get_data(user, f"/tasks/{task['id']}?include=project.members.user.memberships")
    names = await get_data(user, f"/projects/{project['id']}?include=members.user,tasks.assignee,owner,tasks.project")

    memberships = [member["user"]["memberships"] for member in deep["project"]["members"]]
    assert [[member["projectId"] for member in members] for members in memberships] == [[project["id"]]] * 2
    assert [member["user"]["name"] for member in names["members"]] == ["Grace", "Ada"]
    assert names["tasks"][0]["assignee"]["name"] == "Grace"
    assert project["id"] == names["tasks"][0]["project"]["id"]


@pytest.mark.parametrize(
    ("path", "include"),
    [
        ("/projects", "owner.memberships.project.members"),
        ("/users/me", "ownedProjects.tasks.assignee.assignedTasks"),
        ("/tasks", "project.members.user.memberships"),
        ("/users/me", ".".join(["memberships.project.members.user"] * 5)),
    ],
)
async def test_include_that_costs_too_much_is_rejected(user: ApiUser, path: str, include: str) -> None:
    response = await user.get(
        f"{path}?limit=100&include={include}" if path != "/users/me" else f"{path}?include={include}"
    )

    assert (response.status_code, [*response.json()["error"]["details"]]) == (400, ["include"])


@pytest.mark.parametrize(
    "include",
    ["nothing", "owner.nothing", "owner.", ".owner", "owner..memberships", "name", "Owner", "members.owner"],
)
async def test_unknown_relation_is_rejected(user: ApiUser, include: str) -> None:
    project = await user.create_project()

    response = await user.get(f"/projects/{project['id']}?include={include}")

    assert (response.status_code, [*response.json()["error"]["details"]]) == (400, ["include"])


FIELDS = [
    ("fields=name", {"name"}),
    ("fields=name,status", {"name", "status"}),
    ("fields=name,owner&include=owner", {"name", "owner"}),
    ("fields=owner.name&include=owner", {"owner"}),
    ("fields=owner&include=owner", {"owner"}),
    ("fields=name&include=owner", {"name", "owner"}),
    ("fields=myRole", {"myRole"}),
    ("fields=name,name", {"name"}),
]


@pytest.mark.parametrize(("query", "expected"), FIELDS)
async def test_fields_select_fields(user: ApiUser, query: str, expected: set[str]) -> None:
    project = await user.create_project()

    item = await get_data(user, f"/projects/{project['id']}?{query}")
    listed = (await get_data(user, f"/projects?{query}"))[0]

    assert item.keys() == expected
    assert item == listed


async def test_fields_select_fields_of_included_relations(user: ApiUser, users: UserFactory) -> None:
    project, _, other_user = await create_assigned_task(user, users)

    data = await get_data(
        user, f"/projects/{project['id']}?include=members.user&fields=name,members.role,members.user.name"
    )

    expected = [{"role": "member", "user": {"name": "Grace"}}, {"role": "owner", "user": {"name": "Ada"}}]
    assert data == {"name": project["name"], "members": expected}
    assert other_user.email not in str(data)


@pytest.mark.parametrize("fields", ["nothing", "name,nothing", "owner", "version", "owner.name", "name.x", "Name"])
async def test_unknown_field_is_rejected(user: ApiUser, fields: str) -> None:
    project = await user.create_project()

    response = await user.get(f"/projects/{project['id']}?fields={fields}")

    assert (response.status_code, [*response.json()["error"]["details"]]) == (400, ["fields"])


async def test_writes_return_the_selected_fields_and_relations(user: ApiUser) -> None:
    created = await user.post("/projects?include=owner,members&fields=name", {"name": "New"})
    path = created.headers["location"].removeprefix("/api/v1")
    changed = await user.put(f"{path}?fields=status&include=owner", {"status": "archived"})

    assert created.status_code == 201
    assert created.json()["data"].keys() == {"name", "owner", "members"}
    assert created.json()["data"]["members"][0]["role"] == "owner"
    assert changed.json()["data"].keys() == {"status", "owner"}


@pytest.mark.parametrize("query", ["include=nothing", "fields=nothing", "limit=1", "unknown=1", "fields=id&fields=id"])
async def test_write_with_an_invalid_query_string_writes_nothing(user: ApiUser, query: str) -> None:
    project = await user.create_project()
    path = f"/projects/{project['id']}"

    responses = [
        await user.post(f"/projects?{query}", {"name": "New"}),
        await user.put(f"{path}?{query}", {"name": "Changed"}),
        await user.delete(f"{path}?{query}"),
    ]

    assert [answer.status_code for answer in responses] == [400] * 3
    assert (await user.get("/projects")).json()["data"] == [project]
