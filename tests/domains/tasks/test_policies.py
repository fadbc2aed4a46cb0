"""Who can read, change and delete tasks: the rights table of the contract, over REST."""

from __future__ import annotations

from typing import Any

import pytest

from tests.project_team import (
    ProjectTeam,
    StatusByVerb,
    create_project_team,
    rights_table,
    without_request_id,
)
from tests.users import ApiUser, UserFactory

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


async def task_statuses(team: ProjectTeam, actor: ApiUser, task: dict[str, Any]) -> StatusByVerb:
    """Return the status of each verb for the actor; the delete comes last."""
    item_path, list_path = f"/tasks/{task['id']}", f"{team.path}/tasks"
    return {
        "list": (await actor.get(list_path)).status_code,
        "read": (await actor.get(item_path)).status_code,
        "create": (await actor.post(list_path, {"title": "New"})).status_code,
        "update": (await actor.put(item_path, {"title": "Changed"})).status_code,
        "delete": (await actor.delete(item_path)).status_code,
    }


async def create_task_for(team: ProjectTeam, actor: ApiUser, name: str) -> dict[str, Any]:
    return await team.owner.create_task(team.project, **({"assigneeId": str(actor.id)} if name == "assignee" else {}))


@pytest.mark.parametrize(("name", "expected"), rights_table(ACTIVE))
async def test_tasks_of_an_active_project_can_be_read_and_changed_by(
    users: UserFactory, name: str, expected: StatusByVerb
) -> None:
    team = await create_project_team(users)
    actor = await team.actor(name)
    task = await create_task_for(team, actor, name)

    actual = await task_statuses(team, actor, task)

    assert actual == expected


@pytest.mark.parametrize(("name", "expected"), rights_table(ARCHIVED))
async def test_tasks_of_an_archived_project_are_read_only(
    users: UserFactory, name: str, expected: StatusByVerb
) -> None:
    team = await create_project_team(users)
    actor = await team.actor(name)
    task = await create_task_for(team, actor, name)
    await team.archive()

    actual = await task_statuses(team, actor, task)

    assert actual == expected
    assert task == (await team.owner.get(f"/tasks/{task['id']}")).json()["data"]


@pytest.mark.parametrize("name", ["outsider", "removed"])
async def test_a_task_of_others_is_indistinguishable_from_a_missing_one(users: UserFactory, name: str) -> None:
    team = await create_project_team(users)
    actor = await team.actor(name)
    task = await team.owner.create_task(team.project)
    absent = "00000000-0000-4000-8000-000000000000"

    for method, body in (("GET", None), ("PUT", {"title": "x"}), ("PATCH", {}), ("DELETE", None)):
        for headers in ({}, {"If-Match": '"99-x"'}):
            foreign = await actor.request(method, f"/tasks/{task['id']}", json=body, headers=headers)
            missing = await actor.request(method, f"/tasks/{absent}", json=body, headers=headers)
            assert foreign.status_code == 404
            assert without_request_id(missing) == without_request_id(foreign)


async def test_creating_a_task_in_a_project_of_others_is_rejected_like_a_missing_project(
    users: UserFactory,
) -> None:
    team = await create_project_team(users)
    actor = await team.actor("outsider")
    absent = "/projects/00000000-0000-4000-8000-000000000000"

    for body in ({"title": "x"}, {"title": "x", "assigneeId": str(team.owner.id)}):
        foreign = await actor.post(f"{team.path}/tasks", body)
        missing = await actor.post(f"{absent}/tasks", body)
        assert foreign.status_code == 404
        assert without_request_id(missing) == without_request_id(foreign)


async def test_a_system_admin_cannot_create_a_task_in_a_missing_project(users: UserFactory) -> None:
    admin = await users.create("Admin", is_admin=True)

    response = await admin.post("/projects/00000000-0000-4000-8000-000000000000/tasks", {"title": "x"})

    assert response.status_code == 404


@pytest.mark.parametrize("name", ["assignee", "member", "owner", "system_admin"])
async def test_a_task_cannot_be_moved_to_another_project(users: UserFactory, name: str) -> None:
    team = await create_project_team(users)
    actor = await team.actor(name)
    task = await create_task_for(team, actor, name)
    other = await actor.create_project()

    response = await actor.put(f"/tasks/{task['id']}", {"projectId": other["id"]})

    assert response.status_code == 422
    assert response.json()["error"]["details"] == {"projectId": "is read-only"}
    assert team.project["id"] == (await team.owner.get(f"/tasks/{task['id']}")).json()["data"]["projectId"]


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
async def test_an_assigned_viewer_can_change_everything_but_the_assignee(
    users: UserFactory, body: dict[str, Any], expected: int
) -> None:
    team = await create_project_team(users)
    actor = await team.actor("assignee")
    task = await create_task_for(team, actor, "assignee")
    user_ids = {"owner": str(team.owner.id), "self": str(actor.id)}
    values = {name: user_ids.get(value, value) if name == "assigneeId" else value for name, value in body.items()}

    response = await actor.put(f"/tasks/{task['id']}", values)

    assert response.status_code == expected
    if expected == 403:
        assert task == (await team.owner.get(f"/tasks/{task['id']}")).json()["data"]


@pytest.mark.parametrize("name", ["outsider", "removed", "system_admin"])
async def test_only_members_can_be_assigned(users: UserFactory, name: str) -> None:
    team = await create_project_team(users)
    actor = await team.actor(name)
    task = await team.owner.create_task(team.project)

    changed = await team.owner.put(f"/tasks/{task['id']}", {"assigneeId": str(actor.id)})
    created = await team.owner.post(f"{team.path}/tasks", {"title": "x", "assigneeId": str(actor.id)})

    expected = {"assigneeId": "must be a member of the project"}
    assert (422, expected) == (changed.status_code, changed.json()["error"]["details"])
    assert (422, expected) == (created.status_code, created.json()["error"]["details"])


@pytest.mark.parametrize("way", ["leaves", "is removed", "is deleted"])
async def test_a_member_who_leaves_is_unassigned(users: UserFactory, way: str) -> None:
    team = await create_project_team(users)
    actor = await team.actor("assignee")
    task = await create_task_for(team, actor, "assignee")
    caller = team.owner if way == "is removed" else actor
    path = "/users/me" if way == "is deleted" else f"{team.path}/members/{actor.id}"

    removal = await caller.delete(path)

    assert removal.status_code == 204
    unassigned = (await team.owner.get(f"/tasks/{task['id']}")).json()["data"]
    assert unassigned["assigneeId"] is None
    assert unassigned["updatedAt"] > task["updatedAt"]
    assert unassigned == {**task, "assigneeId": None, "updatedAt": unassigned["updatedAt"]}


async def test_a_member_sees_only_the_tasks_of_their_projects(users: UserFactory) -> None:
    own, other = await create_project_team(users), await create_project_team(users)
    actor = await own.actor("member")
    task = await own.owner.create_task(own.project)
    await other.owner.create_task(other.project)

    response = await actor.get("/tasks?count=exact")

    assert [task["id"] for task in response.json()["data"]] == [task["id"]]
    assert response.json()["meta"]["total"] == 1
