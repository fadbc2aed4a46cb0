"""Conditional requests: ETag, If-None-Match and If-Match (RFC 9110 §13)."""

from __future__ import annotations

import re

import pytest

from tests.project_team import create_project_team
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

ENTITY_TAG = re.compile(r'"\d+-[0-9a-f]+"')


async def create_one_of_each(user: ApiUser, users: UserFactory) -> dict[str, str]:
    """Create a row of each resource; return its path with a field that may be updated."""
    project = await user.create_project()
    viewer = await users.create_member(project, user, "viewer")
    post = await user.create("/posts", {"title": "x", "content": ""})
    task = await user.create_task(project, dueDate="2026-01-01T00:00:00Z", tags=["a"])
    return {
        "/users/me": "name",
        f"/posts/{post['id']}": "title",
        f"/projects/{project['id']}": "name",
        f"/projects/{project['id']}/members/{viewer.id}": "role",
        f"/tasks/{task['id']}": "title",
    }


async def test_item_has_an_etag(user: ApiUser, users: UserFactory) -> None:
    for path in await create_one_of_each(user, users):
        response = await user.get(path)

        assert ENTITY_TAG.fullmatch(response.headers["etag"]), path
        assert response.headers["cache-control"] == "private, no-cache"
        assert "Authorization" in response.headers["vary"]


async def test_update_returns_what_is_read_next(user: ApiUser, users: UserFactory) -> None:
    for path, field in (await create_one_of_each(user, users)).items():
        written = await user.put(path, {field: "member"})
        read = await user.get(path)

        assert read.content == written.content
        assert read.headers["etag"] == written.headers["etag"], path


async def test_create_returns_what_is_read_next(user: ApiUser, users: UserFactory) -> None:
    project = await user.create_project()
    below = f"/projects/{project['id']}"
    other_user = await users.create("Grace")
    for path, body in (
        ("/projects", {"name": "x", "settings": {"b": 1, "a": [1.50, None, "ä"]}}),
        ("/posts", {"title": "x", "content": "\n"}),
        (f"{below}/tasks", {"title": "x", "tags": ["ä", "b"], "dueDate": "2026-01-01T00:00:00+01:00"}),
        (f"{below}/members", {"userId": str(other_user.id), "role": "viewer"}),
    ):
        created = await user.post(path, body)
        read = await user.get(created.headers["location"].removeprefix("/api/v1"))

        assert created.status_code == 201
        assert read.content == created.content
        assert read.headers["etag"] == created.headers["etag"], path


async def test_put_without_a_change_keeps_the_version(user: ApiUser, users: UserFactory) -> None:
    for path, field in (await create_one_of_each(user, users)).items():
        before = await user.get(path)
        shown = before.json()["data"]
        writable = (
            "title",
            "name",
            "description",
            "status",
            "priority",
            "tags",
            "dueDate",
            "settings",
            "role",
        )
        unchanged = {name: shown[name] for name in writable if name in shown}

        for body in ({}, {field: shown[field]}, unchanged, {"data": unchanged}):
            response = await user.put(path, body)
            assert (200, before.content) == (response.status_code, response.content), body
            assert before.headers["etag"] == response.headers["etag"]
        assert before.content == (await user.get(path)).content


async def test_updated_at_strictly_increases(user: ApiUser) -> None:
    project = await user.create_project()
    task = await user.create_task(project)
    times = [task["updatedAt"]]

    for count in range(20):
        response = await user.put(f"/tasks/{task['id']}", {"title": f"Title {count}"})
        times.append(response.json()["data"]["updatedAt"])

    assert sorted(set(times)) == times
    assert task["createdAt"] == (await user.get(f"/tasks/{task['id']}")).json()["data"]["createdAt"]


async def test_matching_if_none_match_is_not_modified(user: ApiUser) -> None:
    project = await user.create_project()
    path = f"/projects/{project['id']}"
    tag = (await user.get(path)).headers["etag"]

    for header in (tag, f"W/{tag}", f'"other", {tag}', "*", f'  {tag} , "x"'):
        response = await user.get(path, headers={"If-None-Match": header})
        assert (response.status_code, response.content) == (304, b""), header
        assert tag == response.headers["etag"]
        assert "content-length" not in response.headers


@pytest.mark.parametrize("header", ['"1-0000"', '"1"', "junk", "", '"', "W/", '"é"', "1-x"])
async def test_other_if_none_match_returns_the_row(user: ApiUser, header: str) -> None:
    response = await user.get("/users/me", headers={"If-None-Match": header.encode("latin-1")})

    assert response.status_code == 200


async def test_etag_differs_by_what_is_selected(user: ApiUser, users: UserFactory) -> None:
    team = await create_project_team(users)
    viewer = await team.actor("viewer")
    tag = (await team.owner.get(team.path)).headers["etag"]

    trimmed = await team.owner.get(f"{team.path}?fields=name", headers={"If-None-Match": tag})
    as_viewer = await viewer.get(team.path, headers={"If-None-Match": tag})

    assert (trimmed.status_code, as_viewer.status_code) == (200, 200)


async def test_etag_changes_with_an_included_row(user: ApiUser) -> None:
    project = await user.create_project()
    task = await user.create_task(project)
    path = f"/projects/{project['id']}?include=tasks"
    tag = (await user.get(path)).headers["etag"]

    await user.put(f"/tasks/{task['id']}", {"title": "Changed"})

    assert (await user.get(path, headers={"If-None-Match": tag})).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_write_requires_the_version_of_if_match(user: ApiUser, users: UserFactory, method: str) -> None:
    for path, field in [*(await create_one_of_each(user, users)).items()][::-1]:
        if method == "DELETE" and path == "/users/me":
            continue
        body = None if method == "DELETE" else {field: "member"}
        tag = (await user.get(path)).headers["etag"]
        stale = f'"{int(tag[1:].partition("-")[0]) + 1}-x"'

        refused = await user.request(method, path, json=body, headers={"If-Match": stale})
        weak = await user.request(method, path, json=body, headers={"If-Match": f"W/{tag}"})
        unrelated = await user.request(method, path, json=body, headers={"If-Match": '"abc"'})
        unchanged = (await user.get(path)).headers["etag"]
        done = await user.request(method, path, json=body, headers={"If-Match": tag})

        assert (refused.status_code, weak.status_code, unrelated.status_code) == (412, 412, 412), path
        assert refused.json()["error"]["code"] == "PRECONDITION_FAILED"
        assert tag == unchanged
        assert done.status_code in (200, 204)


async def test_if_match_star_matches_any_version(user: ApiUser) -> None:
    project = await user.create_project()
    path = f"/projects/{project['id']}"

    assert (await user.put(path, {"name": "x"}, headers={"If-Match": "*"})).status_code == 200
    assert (await user.delete(path, headers={"If-Match": "*"})).status_code == 204
    assert (await user.delete(path, headers={"If-Match": "*"})).status_code == 404


async def test_if_match_accepts_one_of_several_versions(user: ApiUser) -> None:
    project = await user.create_project()
    path = f"/projects/{project['id']}"
    tag = (await user.get(path)).headers["etag"]

    missed = await user.put(path, {"name": "x"}, headers={"If-Match": '"7-x", "8-y"'})
    met = await user.put(path, {"name": "x"}, headers={"If-Match": f'W/"7-x",{tag}, "abc"'})

    assert (missed.status_code, met.status_code) == (412, 200)


async def test_if_match_compares_only_the_version(user: ApiUser) -> None:
    project = await user.create_project()
    tag = (await user.get(f"/projects/{project['id']}?fields=name&include=tasks")).headers["etag"]

    response = await user.put(f"/projects/{project['id']}", {"name": "x"}, headers={"If-Match": tag})

    assert response.status_code == 200


@pytest.mark.parametrize("header", ["junk", "", '"', "1", '"1', "**", "W/1"])
async def test_malformed_if_match_is_rejected(user: ApiUser, header: str) -> None:
    project = await user.create_project()

    response = await user.put(f"/projects/{project['id']}", {"name": "x"}, headers={"If-Match": header})

    assert (response.status_code, [*response.json()["error"]["details"]]) == (400, ["If-Match"])


@pytest.mark.parametrize("tag", ['"²-x"', '"99999999999999999999-x"', '"-1-x"', '""', '"1e3-x"', '"٣"', '" 1-x"'])
async def test_if_match_of_another_server_matches_nothing(user: ApiUser, tag: str) -> None:
    project = await user.create_project()
    sent = tag.encode("latin-1", "replace")

    response = await user.put(f"/projects/{project['id']}", {"name": "x"}, headers={"If-Match": sent})

    assert response.status_code in (400, 412)
    assert project == (await user.get(f"/projects/{project['id']}")).json()["data"]


async def test_permission_is_checked_before_the_version_and_the_version_before_constraints(users: UserFactory) -> None:
    team = await create_project_team(users)
    viewer, outsider = await team.actor("viewer"), await team.actor("outsider")
    task = await team.owner.create_task(team.project)
    path, stale = f"/tasks/{task['id']}", {"If-Match": '"7-x"'}

    assert (await outsider.put(path, {"title": ""}, headers=stale)).status_code == 422
    assert (await outsider.put(path, {"title": "x"}, headers=stale)).status_code == 404
    assert (await viewer.put(path, {"title": "x"}, headers=stale)).status_code == 403
    assert (await viewer.delete(path, headers=stale)).status_code == 403
    assert (await team.owner.put(path, {"assigneeId": str(outsider.id)}, headers=stale)).status_code == 412
    assert (await team.owner.put(path, {"assigneeId": str(outsider.id)})).status_code == 422
    row = f"{team.path}/members/{team.owner.id}"
    assert (await team.owner.put(row, {"role": "viewer"}, headers=stale)).status_code == 412
    assert (await team.owner.delete(row, headers=stale)).status_code == 412
