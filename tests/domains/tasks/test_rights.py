"""Who may do what with tasks: the contract's table, asked over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.casts import Cast, Cells, cast, table, without_request
from tests.people import People, Person

pytestmark = pytest.mark.anyio

ACTIVE = """
                 list  read  create  update  delete
    anonymous     401   401     401     401     401
    outsider      404   404     404     404     404
    removed       404   404     404     404     404
    viewer        200   200     403     403     403
    assignee      200   200     403     200     403
    member        200   200     201     200     204
    admin         200   200     201     200     204
    owner         200   200     201     200     204
    system_admin  200   200     201     200     204
"""
ARCHIVED = """
                 list  read  create  update  delete
    outsider      404   404     404     404     404
    viewer        200   200     403     403     403
    assignee      200   200     403     403     403
    member        200   200     403     403     403
    owner         200   200     403     403     403
    system_admin  200   200     403     403     403
"""


async def verbs(of: Cast, actor: Person, task: dict[str, Any]) -> Cells:
    """Return what each verb answers the actor, in an order in which none spoils the next."""
    item, below = f"/tasks/{task['id']}", f"{of.path}/tasks"
    return {
        "list": (await actor.get(below)).status_code,
        "read": (await actor.get(item)).status_code,
        "create": (await actor.post(below, {"title": "New"})).status_code,
        "update": (await actor.put(item, {"title": "Changed"})).status_code,
        "delete": (await actor.delete(item)).status_code,
    }


async def task_for(of: Cast, actor: Person, name: str) -> dict[str, Any]:
    return await of.owner.task(of.project, **({"assigneeId": str(actor.id)} if name == "assignee" else {}))


@pytest.mark.parametrize(("name", "expected"), table(ACTIVE))
async def test_the_tasks_of_a_project_are_for(people: People, name: str, expected: Cells) -> None:
    of = await cast(people)
    actor = await of.actor(name)
    task = await task_for(of, actor, name)

    actual = await verbs(of, actor, task)

    assert expected == actual


@pytest.mark.parametrize(("name", "expected"), table(ARCHIVED))
async def test_the_tasks_of_an_archived_project_are_for(people: People, name: str, expected: Cells) -> None:
    of = await cast(people)
    actor = await of.actor(name)
    task = await task_for(of, actor, name)
    await of.archive()

    actual = await verbs(of, actor, task)

    assert expected == actual
    assert task == (await of.owner.get(f"/tasks/{task['id']}")).json()["data"]


@pytest.mark.parametrize("name", ["outsider", "removed"])
async def test_a_foreign_task_looks_like_none(people: People, name: str) -> None:
    of = await cast(people)
    actor = await of.actor(name)
    task = await of.owner.task(of.project)
    absent = "00000000-0000-4000-8000-000000000000"

    for method, body in (("GET", None), ("PUT", {"title": "x"}), ("PATCH", {}), ("DELETE", None)):
        for headers in ({}, {"If-Match": '"99-x"'}):
            foreign = await actor.ask(method, f"/tasks/{task['id']}", json=body, headers=headers)
            none = await actor.ask(method, f"/tasks/{absent}", json=body, headers=headers)
            assert 404 == foreign.status_code
            assert without_request(none) == without_request(foreign)


async def test_a_foreign_project_takes_tasks_as_one_that_does_not_exist(people: People) -> None:
    of = await cast(people)
    actor = await of.actor("outsider")
    absent = "/projects/00000000-0000-4000-8000-000000000000"

    for body in ({"title": "x"}, {"title": "x", "assigneeId": str(of.owner.id)}):
        foreign = await actor.post(f"{of.path}/tasks", body)
        none = await actor.post(f"{absent}/tasks", body)
        assert 404 == foreign.status_code
        assert without_request(none) == without_request(foreign)


async def test_an_absent_project_takes_no_tasks_of_an_admin_either(people: People) -> None:
    admin = await people.new("Admin", is_admin=True)

    answer = await admin.post("/projects/00000000-0000-4000-8000-000000000000/tasks", {"title": "x"})

    assert 404 == answer.status_code


@pytest.mark.parametrize("name", ["assignee", "member", "owner", "system_admin"])
async def test_nobody_moves_a_task_into_another_project(people: People, name: str) -> None:
    of = await cast(people)
    actor = await of.actor(name)
    task = await task_for(of, actor, name)
    other = await actor.project()

    answer = await actor.put(f"/tasks/{task['id']}", {"projectId": other["id"]})

    assert 422 == answer.status_code
    assert {"projectId": "is read-only"} == answer.json()["error"]["details"]
    assert of.project["id"] == (await of.owner.get(f"/tasks/{task['id']}")).json()["data"]["projectId"]


ASSIGNEE_CHANGES: list[tuple[dict[str, Any], int]] = [
    ({"title": "New title"}, 200),
    ({"status": "done", "priority": "low", "tags": ["a"], "dueDate": None, "description": "d"}, 200),
    ({"assigneeId": None}, 403),
    ({"assigneeId": "owner"}, 403),
    ({"assigneeId": "self"}, 200),
    ({"title": "x", "assigneeId": None}, 403),
    ({}, 200),
]


@pytest.mark.parametrize(("body", "expected"), ASSIGNEE_CHANGES)
async def test_an_assignee_who_views_changes_all_but_the_assignment(
    people: People, body: dict[str, Any], expected: int
) -> None:
    of = await cast(people)
    actor = await of.actor("assignee")
    task = await task_for(of, actor, "assignee")
    named = {"owner": str(of.owner.id), "self": str(actor.id)}
    sent = {name: named.get(value, value) if name == "assigneeId" else value for name, value in body.items()}

    answer = await actor.put(f"/tasks/{task['id']}", sent)

    assert expected == answer.status_code
    if expected == 403:
        assert task == (await of.owner.get(f"/tasks/{task['id']}")).json()["data"]


@pytest.mark.parametrize("name", ["outsider", "removed", "system_admin"])
async def test_only_who_sees_the_project_can_be_assigned(people: People, name: str) -> None:
    of = await cast(people)
    actor = await of.actor(name)
    task = await of.owner.task(of.project)

    changed = await of.owner.put(f"/tasks/{task['id']}", {"assigneeId": str(actor.id)})
    created = await of.owner.post(f"{of.path}/tasks", {"title": "x", "assigneeId": str(actor.id)})

    expected = {"assigneeId": "must be a member of the project"}
    assert (422, expected) == (changed.status_code, changed.json()["error"]["details"])
    assert (422, expected) == (created.status_code, created.json()["error"]["details"])


@pytest.mark.parametrize("way", ["leaves", "is removed", "is deleted"])
async def test_who_goes_is_unassigned(people: People, way: str) -> None:
    of = await cast(people)
    actor = await of.actor("assignee")
    task = await task_for(of, actor, "assignee")
    who = of.owner if way == "is removed" else actor
    path = "/users/me" if way == "is deleted" else f"{of.path}/members/{actor.id}"

    gone = await who.delete(path)

    assert 204 == gone.status_code
    left = (await of.owner.get(f"/tasks/{task['id']}")).json()["data"]
    assert left["assigneeId"] is None
    assert left["updatedAt"] > task["updatedAt"]
    assert {**task, "assigneeId": None, "updatedAt": left["updatedAt"]} == left


async def test_a_member_sees_only_the_tasks_of_their_projects(people: People) -> None:
    mine, other = await cast(people), await cast(people)
    actor = await mine.actor("member")
    task = await mine.owner.task(mine.project)
    await other.owner.task(other.project)

    answer = await actor.get("/tasks?count=exact")

    assert [task["id"]] == [one["id"] for one in answer.json()["data"]]
    assert 1 == answer.json()["meta"]["total"]
