"""What an answer shows: `include` embeds relations, `fields` trims, and a limit holds the cost of both."""

from __future__ import annotations

from typing import Any

import pytest

from tests.people import People, Person

pytestmark = pytest.mark.anyio


async def world(ada: Person, people: People) -> tuple[dict[str, Any], dict[str, Any], Person]:
    """Return a project with a task that its second member is assigned to."""
    project = await ada.project()
    grace = await people.member(project, ada, "member", "Grace")
    task = await ada.task(project, assigneeId=str(grace.id))
    return project, task, grace


async def shown(person: Person, path: str) -> Any:
    """Return what an answer shows."""
    answer = await person.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def test_relations_are_embedded_as_they_answer_alone(ada: Person, people: People) -> None:
    project, task, grace = await world(ada, people)
    post = await grace.made("/posts", {"title": "x", "content": ""})
    project_path, task_path = f"/projects/{project['id']}", f"/tasks/{task['id']}"
    me, her = await shown(ada, "/users/me"), await shown(ada, f"/users/{grace.id}")
    members = await shown(ada, f"{project_path}/members")

    for path, relation, expected in [
        (project_path, "owner", me),
        (project_path, "members", members),
        (project_path, "tasks", [task]),
        (task_path, "project", await shown(ada, project_path)),
        (task_path, "assignee", her),
        (f"{project_path}/members/{grace.id}", "user", her),
        (f"{project_path}/members/{grace.id}", "project", await shown(ada, project_path)),
        (f"/posts/{post['id']}", "author", her),
        ("/users/me", "ownedProjects", [await shown(ada, project_path)]),
        ("/users/me", "memberships", [members[-1]]),
        (f"/users/{grace.id}", "assignedTasks", [task]),
        (f"/users/{grace.id}", "posts", [post]),
    ]:
        alone = await shown(ada, path)
        assert {**alone, relation: expected} == await shown(ada, f"{path}?include={relation}"), relation


async def test_relations_are_embedded_in_lists_too(ada: Person, people: People) -> None:
    project, task, grace = await world(ada, people)
    await ada.task(project, title="Nobody's")

    tasks = await shown(ada, "/tasks?include=assignee,project.owner&sort=createdAt")

    assert [str(grace.id), None] == [one["assignee"] and one["assignee"]["id"] for one in tasks]
    assert [str(ada.id)] * 2 == [one["project"]["owner"]["id"] for one in tasks]
    assert task["id"] == tasks[0]["id"]


async def test_relations_go_to_any_depth_the_cost_allows(ada: Person, people: People) -> None:
    project, task, _ = await world(ada, people)

    deep = await shown(ada, f"/tasks/{task['id']}?include=project.members.user.memberships")
    names = await shown(
        ada, f"/projects/{project['id']}?include=members.user,tasks.assignee,owner,tasks.project"
    )

    memberships = [one["user"]["memberships"] for one in deep["project"]["members"]]
    assert [[project["id"]]] * 2 == [[one["projectId"] for one in some] for some in memberships]
    assert ["Grace", "Ada"] == [one["user"]["name"] for one in names["members"]]
    assert "Grace" == names["tasks"][0]["assignee"]["name"]
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
async def test_what_would_cost_too_much_is_refused(ada: Person, path: str, include: str) -> None:
    answer = await ada.get(
        f"{path}?limit=100&include={include}" if path != "/users/me" else f"{path}?include={include}"
    )

    assert (400, ["include"]) == (answer.status_code, [*answer.json()["error"]["details"]])


@pytest.mark.parametrize(
    "include",
    ["nothing", "owner.nothing", "owner.", ".owner", "owner..memberships", "name", "Owner", "members.owner"],
)
async def test_an_unknown_relation_is_refused(ada: Person, include: str) -> None:
    project = await ada.project()

    answer = await ada.get(f"/projects/{project['id']}?include={include}")

    assert (400, ["include"]) == (answer.status_code, [*answer.json()["error"]["details"]])


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


@pytest.mark.parametrize(("question", "expected"), FIELDS)
async def test_fields_trim(ada: Person, question: str, expected: set[str]) -> None:
    project = await ada.project()

    one = await shown(ada, f"/projects/{project['id']}?{question}")
    listed = (await shown(ada, f"/projects?{question}"))[0]

    assert expected == one.keys()
    assert one == listed


async def test_fields_trim_what_is_included(ada: Person, people: People) -> None:
    project, _, grace = await world(ada, people)

    found = await shown(
        ada, f"/projects/{project['id']}?include=members.user&fields=name,members.role,members.user.name"
    )

    expected = [{"role": "member", "user": {"name": "Grace"}}, {"role": "owner", "user": {"name": "Ada"}}]
    assert {"name": project["name"], "members": expected} == found
    assert grace.email not in str(found)


@pytest.mark.parametrize(
    "fields", ["nothing", "name,nothing", "owner", "version", "owner.name", "name.x", "Name"]
)
async def test_an_unknown_field_is_refused(ada: Person, fields: str) -> None:
    project = await ada.project()

    answer = await ada.get(f"/projects/{project['id']}?fields={fields}")

    assert (400, ["fields"]) == (answer.status_code, [*answer.json()["error"]["details"]])


async def test_answers_to_writes_show_what_is_asked_for(ada: Person) -> None:
    created = await ada.post("/projects?include=owner,members&fields=name", {"name": "New"})
    path = created.headers["location"].removeprefix("/api/v1")
    changed = await ada.put(f"{path}?fields=status&include=owner", {"status": "archived"})

    assert 201 == created.status_code
    assert {"name", "owner", "members"} == created.json()["data"].keys()
    assert "owner" == created.json()["data"]["members"][0]["role"]
    assert {"status", "owner"} == changed.json()["data"].keys()


@pytest.mark.parametrize(
    "question", ["include=nothing", "fields=nothing", "limit=1", "unknown=1", "fields=id&fields=id"]
)
async def test_a_write_with_a_question_that_cannot_be_read_writes_nothing(ada: Person, question: str) -> None:
    project = await ada.project()
    path = f"/projects/{project['id']}"

    answers = [
        await ada.post(f"/projects?{question}", {"name": "New"}),
        await ada.put(f"{path}?{question}", {"name": "Changed"}),
        await ada.delete(f"{path}?{question}"),
    ]

    assert [400] * 3 == [answer.status_code for answer in answers]
    assert [project] == (await ada.get("/projects")).json()["data"]
