"""The activity of a project: who changed what, with old and new values, for its current members."""

from __future__ import annotations

import pytest

from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


async def test_activity_lists_who_changed_what_with_old_and_new_values(users: UserFactory, user: ApiUser) -> None:
    project = await user.create_project()
    task = await user.create_task(project, title="Dig")
    await user.put(f"/tasks/{task['id']}", {"title": "Dig deeper", "dueDate": "2030-01-01T00:00:00Z"})

    response = await user.get(f"/projects/{project['id']}/activity?include=actor")
    last, first = response.json()["data"][:2]

    assert ("tasks", "updated", task["id"]) == (last["resource"], last["verb"], last["rowId"])
    assert (last["old"]["title"], last["new"]["title"]) == ("Dig", "Dig deeper")
    assert {"title", "dueDate", "updatedAt"} == last["old"].keys() == last["new"].keys()
    assert (first["verb"], first["new"]["title"]) == ("created", "Dig")
    assert last["actor"]["name"] == "Ada"
    assert last["position"] == first["position"] + 1


async def test_activity_is_paged_newest_first(users: UserFactory, user: ApiUser) -> None:
    project = await user.create_project()
    for _ in range(5):
        await user.create_task(project)
    path = f"/projects/{project['id']}/activity?limit=3"
    first = (await user.get(path)).json()
    second = (await user.get(f"{path}&cursor={first['meta']['nextCursor']}")).json()

    positions = [entry["position"] for entry in (*first["data"], *second["data"])]

    assert positions == [7, 6, 5, 4, 3, 2]


async def test_outsiders_and_removed_members_see_no_activity(users: UserFactory, user: ApiUser) -> None:
    project = await user.create_project()
    bob = await users.create_member(project, user, "viewer")
    path = f"/projects/{project['id']}/activity"
    status_as_member = (await bob.get(path)).status_code
    await user.delete(f"/projects/{project['id']}/members/{bob.id}")

    assert status_as_member == 200
    assert (await bob.get(path)).status_code == 404
    assert (await bob.get("/activity")).json()["data"] == []
    assert (await (await users.create()).get(path)).status_code == 404
