"""Writes: the location of what is created, the options of a delete, and the query string of both."""

from __future__ import annotations

import pytest

from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


async def test_created_row_has_its_location(user: ApiUser, users: UserFactory) -> None:
    project = await user.create_project()
    other_user = await users.create("Grace")
    path = f"/projects/{project['id']}"

    task = await user.post(f"{path}/tasks", {"title": "x"})
    member = await user.post(f"{path}/members", {"userId": str(other_user.id)})

    assert task.headers["location"] == f"/api/v1/tasks/{task.json()['data']['id']}"
    assert member.headers["location"] == f"/api/v1{path}/members/{other_user.id}"


async def test_create_below_a_parent_that_is_not_visible_is_not_found(user: ApiUser, users: UserFactory) -> None:
    foreign = await (await users.create("Bob")).create_project()

    for project_id in (foreign["id"], "00000000-0000-4000-8000-000000000000", "x"):
        assert (await user.post(f"/projects/{project_id}/tasks", {"title": "x"})).status_code == 404


@pytest.mark.parametrize("query", ["fields=title", "fields=title&include=assignee", "include=project.owner"])
async def test_update_returns_what_its_query_string_selects(user: ApiUser, query: str) -> None:
    task = await user.create_task(await user.create_project())
    path = f"/tasks/{task['id']}?{query}"

    updated = await user.put(path, {"title": "Changed"})

    assert updated.json()["data"] == (await user.get(path)).json()["data"]
    assert updated.json()["data"].get("title") == "Changed"


@pytest.mark.parametrize("query", ["unknown=true", "cascade=true", "include=project"])
async def test_delete_rejects_unknown_options(user: ApiUser, query: str) -> None:
    project = await user.create_project()

    response = await user.delete(f"/projects/{project['id']}?{query}")

    assert response.status_code == 400
    assert [*response.json()["error"]["details"]] == [query.partition("=")[0]]
    assert (await user.get(f"/projects/{project['id']}")).status_code == 200


async def test_delete_option_must_be_a_boolean(user: ApiUser) -> None:
    response = await user.delete("/users/me?cascade=yes")

    assert (response.status_code, response.json()["error"]["details"]) == (400, {"cascade": "must be true or false"})
