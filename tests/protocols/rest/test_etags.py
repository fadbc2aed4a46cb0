"""Versions: an ETag on what is read, 304 for who has it, 412 for who has another (RFC 9110 §13)."""

from __future__ import annotations

import re

import pytest

from tests.casts import cast
from tests.people import People, Person

pytestmark = pytest.mark.anyio

TAG = re.compile(r'"\d+-[0-9a-f]+"')


async def things(ada: Person, people: People) -> dict[str, str]:
    """Return the address of one thing of each kind, with a body that changes it."""
    project = await ada.project()
    viewer = await people.member(project, ada, "viewer")
    post = await ada.made("/posts", {"title": "x", "content": ""})
    task = await ada.task(project, dueDate="2026-01-01T00:00:00Z", tags=["a"])
    return {
        "/users/me": "name",
        f"/posts/{post['id']}": "title",
        f"/projects/{project['id']}": "name",
        f"/projects/{project['id']}/members/{viewer.id}": "role",
        f"/tasks/{task['id']}": "title",
    }


async def test_a_single_read_carries_its_version(ada: Person, people: People) -> None:
    for path in await things(ada, people):
        answer = await ada.get(path)

        assert TAG.fullmatch(answer.headers["etag"]), path
        assert "private, no-cache" == answer.headers["cache-control"]
        assert "Authorization" in answer.headers["vary"]


async def test_a_write_answers_the_version_that_is_read_next(ada: Person, people: People) -> None:
    for path, field in (await things(ada, people)).items():
        written = await ada.put(path, {field: "member"})
        read = await ada.get(path)

        assert read.content == written.content
        assert read.headers["etag"] == written.headers["etag"], path


async def test_a_create_answers_the_version_that_is_read_next(ada: Person, people: People) -> None:
    project = await ada.project()
    below = f"/projects/{project['id']}"
    grace = await people.new("Grace")
    for path, body in (
        ("/projects", {"name": "x", "settings": {"b": 1, "a": [1.50, None, "ä"]}}),
        ("/posts", {"title": "x", "content": "\n"}),
        (f"{below}/tasks", {"title": "x", "tags": ["ä", "b"], "dueDate": "2026-01-01T00:00:00+01:00"}),
        (f"{below}/members", {"userId": str(grace.id), "role": "viewer"}),
    ):
        created = await ada.post(path, body)
        read = await ada.get(created.headers["location"].removeprefix("/api/v1"))

        assert 201 == created.status_code
        assert read.content == created.content
        assert read.headers["etag"] == created.headers["etag"], path


async def test_a_put_that_changes_nothing_changes_nothing(ada: Person, people: People) -> None:
    for path, field in (await things(ada, people)).items():
        before = await ada.get(path)
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
        same = {name: shown[name] for name in writable if name in shown}

        for body in ({}, {field: shown[field]}, same, {"data": same}):
            answer = await ada.put(path, body)
            assert (200, before.content) == (answer.status_code, answer.content), body
            assert before.headers["etag"] == answer.headers["etag"]
        assert before.content == (await ada.get(path)).content


async def test_the_time_of_the_last_change_strictly_grows(ada: Person) -> None:
    project = await ada.project()
    task = await ada.task(project)
    times = [task["updatedAt"]]

    for count in range(20):
        answer = await ada.put(f"/tasks/{task['id']}", {"title": f"Title {count}"})
        times.append(answer.json()["data"]["updatedAt"])

    assert sorted(set(times)) == times
    assert task["createdAt"] == (await ada.get(f"/tasks/{task['id']}")).json()["data"]["createdAt"]


async def test_who_has_it_is_told_so(ada: Person) -> None:
    project = await ada.project()
    path = f"/projects/{project['id']}"
    tag = (await ada.get(path)).headers["etag"]

    for header in (tag, f"W/{tag}", f'"other", {tag}', "*", f'  {tag} , "x"'):
        answer = await ada.get(path, headers={"If-None-Match": header})
        assert (304, b"") == (answer.status_code, answer.content), header
        assert tag == answer.headers["etag"]
        assert "content-length" not in answer.headers


@pytest.mark.parametrize("header", ['"1-0000"', '"1"', "junk", "", '"', "W/", '"é"', "1-x"])
async def test_who_has_something_else_is_told_all(ada: Person, header: str) -> None:
    answer = await ada.get("/users/me", headers={"If-None-Match": header.encode("latin-1")})

    assert 200 == answer.status_code


async def test_the_same_version_shown_otherwise_is_another_thing(ada: Person, people: People) -> None:
    of = await cast(people)
    viewer = await of.actor("viewer")
    tag = (await of.owner.get(of.path)).headers["etag"]

    trimmed = await of.owner.get(f"{of.path}?fields=name", headers={"If-None-Match": tag})
    as_viewer = await viewer.get(of.path, headers={"If-None-Match": tag})

    assert (200, 200) == (trimmed.status_code, as_viewer.status_code)


async def test_a_version_of_an_embedded_row_counts_too(ada: Person) -> None:
    project = await ada.project()
    task = await ada.task(project)
    path = f"/projects/{project['id']}?include=tasks"
    tag = (await ada.get(path)).headers["etag"]

    await ada.put(f"/tasks/{task['id']}", {"title": "Changed"})

    assert 200 == (await ada.get(path, headers={"If-None-Match": tag})).status_code


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_a_write_is_held_to_its_version(ada: Person, people: People, method: str) -> None:
    for path, field in [*(await things(ada, people)).items()][::-1]:
        if method == "DELETE" and path == "/users/me":
            continue
        body = None if method == "DELETE" else {field: "member"}
        tag = (await ada.get(path)).headers["etag"]
        stale = f'"{int(tag[1:].partition("-")[0]) + 1}-x"'

        refused = await ada.ask(method, path, json=body, headers={"If-Match": stale})
        weak = await ada.ask(method, path, json=body, headers={"If-Match": f"W/{tag}"})
        foreign = await ada.ask(method, path, json=body, headers={"If-Match": '"abc"'})
        unchanged = (await ada.get(path)).headers["etag"]
        done = await ada.ask(method, path, json=body, headers={"If-Match": tag})

        assert (412, 412, 412) == (refused.status_code, weak.status_code, foreign.status_code), path
        assert "PRECONDITION_FAILED" == refused.json()["error"]["code"]
        assert tag == unchanged
        assert done.status_code in (200, 204)


async def test_any_version_may_be_wanted(ada: Person) -> None:
    project = await ada.project()
    path = f"/projects/{project['id']}"

    assert 200 == (await ada.put(path, {"name": "x"}, headers={"If-Match": "*"})).status_code
    assert 204 == (await ada.delete(path, headers={"If-Match": "*"})).status_code
    assert 404 == (await ada.delete(path, headers={"If-Match": "*"})).status_code


async def test_one_of_several_versions_may_be_wanted(ada: Person) -> None:
    project = await ada.project()
    path = f"/projects/{project['id']}"
    tag = (await ada.get(path)).headers["etag"]

    missed = await ada.put(path, {"name": "x"}, headers={"If-Match": '"7-x", "8-y"'})
    met = await ada.put(path, {"name": "x"}, headers={"If-Match": f'W/"7-x",{tag}, "abc"'})

    assert (412, 200) == (missed.status_code, met.status_code)


async def test_only_the_version_part_is_compared_for_a_write(ada: Person) -> None:
    project = await ada.project()
    tag = (await ada.get(f"/projects/{project['id']}?fields=name&include=tasks")).headers["etag"]

    answer = await ada.put(f"/projects/{project['id']}", {"name": "x"}, headers={"If-Match": tag})

    assert 200 == answer.status_code


@pytest.mark.parametrize("header", ["junk", "", '"', "1", '"1', "**", "W/1"])
async def test_a_version_that_cannot_be_read_is_refused(ada: Person, header: str) -> None:
    project = await ada.project()

    answer = await ada.put(f"/projects/{project['id']}", {"name": "x"}, headers={"If-Match": header})

    assert (400, ["If-Match"]) == (answer.status_code, [*answer.json()["error"]["details"]])


@pytest.mark.parametrize(
    "tag", ['"²-x"', '"99999999999999999999-x"', '"-1-x"', '""', '"1e3-x"', '"٣"', '" 1-x"']
)
async def test_a_version_of_nobody_is_not_met(ada: Person, tag: str) -> None:
    project = await ada.project()
    sent = tag.encode("latin-1", "replace")

    answer = await ada.put(f"/projects/{project['id']}", {"name": "x"}, headers={"If-Match": sent})

    assert answer.status_code in (400, 412)
    assert project == (await ada.get(f"/projects/{project['id']}")).json()["data"]


async def test_rights_come_before_versions_and_versions_before_facts(people: People) -> None:
    of = await cast(people)
    viewer, outsider = await of.actor("viewer"), await of.actor("outsider")
    task = await of.owner.task(of.project)
    path, stale = f"/tasks/{task['id']}", {"If-Match": '"7-x"'}

    assert 422 == (await outsider.put(path, {"title": ""}, headers=stale)).status_code
    assert 404 == (await outsider.put(path, {"title": "x"}, headers=stale)).status_code
    assert 403 == (await viewer.put(path, {"title": "x"}, headers=stale)).status_code
    assert 403 == (await viewer.delete(path, headers=stale)).status_code
    assert 412 == (await of.owner.put(path, {"assigneeId": str(outsider.id)}, headers=stale)).status_code
    assert 422 == (await of.owner.put(path, {"assigneeId": str(outsider.id)})).status_code
    row = f"{of.path}/members/{of.owner.id}"
    assert 412 == (await of.owner.put(row, {"role": "viewer"}, headers=stale)).status_code
    assert 412 == (await of.owner.delete(row, headers=stale)).status_code
