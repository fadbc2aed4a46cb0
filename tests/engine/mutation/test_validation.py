"""What fields take: limits in characters or bytes, trimming, choices, addresses of pictures."""

from __future__ import annotations

from typing import Any

import pytest

from tests.users import ApiUser

pytestmark = pytest.mark.anyio

VALID_POST = {"title": "x", "content": ""}
OK, NO = True, False
URL = "https://example.com/"
VALUES: list[tuple[str, str, Any, bool]] = [
    ("user", "name", "x" * 255, OK),
    ("user", "name", "x" * 256, NO),
    ("user", "name", "ü" * 255, OK),
    ("user", "name", "🚀" * 255, OK),
    ("user", "name", "🚀" * 256, NO),
    ("user", "name", "", NO),
    ("user", "name", " \t\n\u00a0 ", NO),
    ("user", "name", None, NO),
    ("user", "name", 7, NO),
    ("user", "name", ["x"], NO),
    ("user", "name", "a\x00b", NO),
    ("user", "avatarUrl", None, OK),
    ("user", "avatarUrl", URL + "x" * (500 - len(URL)), OK),
    ("user", "avatarUrl", URL + "x" * (501 - len(URL)), NO),
    ("user", "avatarUrl", URL + "ü" * (500 - len(URL)), OK),
    ("user", "avatarUrl", "http://example.com:8080/a?b=c#d", OK),
    ("user", "avatarUrl", "HTTPS://EXAMPLE.COM", OK),
    ("user", "avatarUrl", "javascript:alert(1)", NO),
    ("user", "avatarUrl", "data:image/png;base64,AAAA", NO),
    ("user", "avatarUrl", "//example.com/x", NO),
    ("user", "avatarUrl", "/x.png", NO),
    ("user", "avatarUrl", "http://", NO),
    ("user", "avatarUrl", "http://[", NO),
    ("user", "avatarUrl", "http://example.com:99999999/", NO),
    ("user", "avatarUrl", " https://example.com", NO),
    ("user", "avatarUrl", 'https://example.com/"><script>', NO),
    ("user", "avatarUrl", "https://example.com/\u2028", NO),
    ("user", "avatarUrl", "https://example.com/\x00", NO),
    ("user", "avatarUrl", "https://example.com/\x7f", NO),
    ("user", "avatarUrl", "", NO),
    ("user", "avatarUrl", 7, NO),
    ("post", "title", "x" * 255, OK),
    ("post", "title", "x" * 256, NO),
    ("post", "content", "x" * 100_000, OK),
    ("post", "content", "x" * 100_001, NO),
    ("post", "content", "ü" * 50_000, OK),
    ("post", "content", "ü" * 50_001, NO),
    ("post", "content", "", OK),
    ("post", "content", None, NO),
    ("post", "content", " \n kept \t ", OK),
    ("post", "content", "a\x00b", NO),
    ("project", "name", "x" * 256, NO),
    ("project", "description", "x" * 100_001, NO),
    ("project", "description", None, OK),
    ("project", "status", "archived", OK),
    ("project", "status", "Archived", NO),
    ("project", "status", "", NO),
    ("project", "status", None, NO),
    ("project", "settings", {}, OK),
    ("project", "settings", {"a": {"b": [1, 2.5, "ä", None, True]}, "": 0}, OK),
    ("project", "settings", {"data": {}}, OK),
    ("project", "settings", {"x": "y" * (64_000 - 8)}, OK),
    ("project", "settings", {"x": "y" * (64_000 - 7)}, NO),
    ("project", "settings", {"x": "ü" * 32_000}, NO),
    ("project", "settings", {"x": 2**63}, OK),
    ("project", "settings", {"x": -(2**63)}, OK),
    ("project", "settings", {"x": 2**64}, NO),
    ("project", "settings", {"x": 10**300}, NO),
    ("project", "settings", {"x": [{"y": "\x00"}]}, NO),
    ("project", "settings", {"x\x00": 1}, NO),
    ("project", "settings", {"x": "\\u0000"}, OK),
    ("project", "settings", [], NO),
    ("project", "settings", "{}", NO),
    ("project", "settings", None, NO),
    ("task", "title", "x" * 500, OK),
    ("task", "title", "x" * 501, NO),
    ("task", "title", f"  {'x' * 500}  ", OK),
    ("task", "description", "ü" * 50_001, NO),
    ("task", "status", "in_progress", OK),
    ("task", "status", "in progress", NO),
    ("task", "priority", "urgent", OK),
    ("task", "priority", 3, NO),
    ("task", "assigneeId", None, OK),
    ("task", "assigneeId", "me", NO),
    ("task", "assigneeId", "", NO),
    ("task", "assigneeId", "{00000000-0000-4000-8000-000000000000}", NO),
    ("task", "assigneeId", 7, NO),
    ("task", "dueDate", None, OK),
    ("task", "dueDate", 0, NO),
    ("task", "tags", [], OK),
    ("task", "tags", ["x"] * 50, OK),
    ("task", "tags", ["x"] * 51, NO),
    ("task", "tags", ["x" * 50], OK),
    ("task", "tags", ["ü" * 50], OK),
    ("task", "tags", ["x" * 51], NO),
    ("task", "tags", [""], NO),
    ("task", "tags", ["  "], NO),
    ("task", "tags", ["a\x00"], NO),
    ("task", "tags", [None], NO),
    ("task", "tags", ["a", 1], NO),
    ("task", "tags", [["a"]], NO),
    ("task", "tags", "a", NO),
    ("task", "tags", {"a": "b"}, NO),
    ("task", "tags", None, NO),
    ("task", "tags", ['"', "\\", "{}", "NULL", ","], OK),
]


async def create_and_get_path(user: ApiUser, noun: str) -> str:
    """Return the address of one such thing."""
    if noun == "user":
        return "/users/me"
    if noun == "post":
        return f"/posts/{(await user.create('/posts', VALID_POST))['id']}"
    project = await user.create_project()
    if noun == "project":
        return f"/projects/{project['id']}"
    return f"/tasks/{(await user.create_task(project))['id']}"


@pytest.mark.parametrize(("thing", "field", "value", "is_taken"), VALUES)
async def test_a_value_is_taken_or_named(user: ApiUser, thing: str, field: str, value: Any, is_taken: bool) -> None:
    path = await create_and_get_path(user, thing)
    before = await user.get(path)

    response = await user.put(path, {field: value})

    if is_taken:
        trimmed = value.strip() if field in ("title", "name") else value
        assert (200, trimmed) == (response.status_code, response.json()["data"][field])
        assert response.content == (await user.get(path)).content
    else:
        assert (422, [field]) == (response.status_code, [*response.json()["error"]["details"]])
        assert "validation" in response.json()["error"]["message"]
        assert before.content == (await user.get(path)).content


async def test_a_create_takes_and_refuses_the_same(user: ApiUser) -> None:
    project = await user.create_project()
    places = {"post": "/posts", "project": "/projects", "task": f"/projects/{project['id']}/tasks"}
    needed = {"post": VALID_POST, "project": {"name": "x"}, "task": {"title": "x"}}

    for thing, field, value, is_taken in VALUES:
        if thing in places:
            response = await user.post(places[thing], {**needed[thing], field: value})
            assert (201 if is_taken else 422) == response.status_code, (thing, field, str(value)[:80])


async def test_all_problems_are_told_at_once(user: ApiUser) -> None:
    project = await user.create_project()

    response = await user.post(
        f"/projects/{project['id']}/tasks",
        {
            "title": "",
            "status": "open",
            "priority": None,
            "tags": "x",
            "id": "x",
            "colour": "red",
            "dueDate": "soon",
        },
    )

    assert response.status_code == 422
    error = response.json()["error"]
    assert error["details"] == {
        "title": "must not be empty",
        "status": "must be one of todo, in_progress, review, done",
        "priority": "must not be null",
        "tags": "must be a list of strings",
        "id": "is read-only",
        "colour": "is not known",
        "dueDate": "must be an RFC 3339 time with an offset, as 2026-01-31T09:00:00Z",
    }
    assert error["code"] == "VALIDATION_ERROR"


async def test_what_is_missing_is_named(user: ApiUser) -> None:
    project = await user.create_project()

    for path, expected in (
        ("/projects", {"name"}),
        ("/posts", {"title", "content"}),
        (f"/projects/{project['id']}/tasks", {"title"}),
        (f"/projects/{project['id']}/members", {"userId"}),
    ):
        response = await user.post(path, {})
        assert response.status_code == 422
        assert response.json()["error"]["details"].keys() == expected


async def test_what_is_left_out_gets_the_defaults(user: ApiUser) -> None:
    project = await user.create_project()
    task = await user.create_task(project)

    assert ("active", {}, None) == (project["status"], project["settings"], project["description"])
    shown = tuple(task[name] for name in ("status", "priority", "tags", "dueDate", "assigneeId", "description"))
    assert shown == ("todo", "medium", [], None, None, None)


@pytest.mark.parametrize("field", ["id", "projectId", "createdAt", "updatedAt"])
async def test_a_task_cannot_be_given(user: ApiUser, field: str) -> None:
    project = await user.create_project()
    task = await user.create_task(project)

    created = await user.post(f"/projects/{project['id']}/tasks", {"title": "x", field: task[field]})
    changed = await user.put(f"/tasks/{task['id']}", {field: task[field]})

    expected = (422, {field: "is read-only"})
    assert expected == (created.status_code, created.json()["error"]["details"])
    assert expected == (changed.status_code, changed.json()["error"]["details"])


async def test_a_change_touches_only_what_it_names(user: ApiUser) -> None:
    project = await user.create_project()
    task = await user.create_task(project, title="a", tags=["x"], dueDate="2026-01-01T00:00:00Z", priority="high")

    for method in ("PUT", "PATCH"):
        changed = (await user.request(method, f"/tasks/{task['id']}", json={"title": method})).json()["data"]
        assert changed == {**task, "title": method, "updatedAt": changed["updatedAt"]}


async def test_a_body_may_stand_in_one_wrapper(user: ApiUser) -> None:
    plain = await user.post("/projects", {"name": "x"})
    wrapped = await user.post("/projects", {"data": {"name": "x"}})
    twice = await user.post("/projects", {"data": {"data": {"name": "x"}}})
    beside = await user.post("/projects", {"data": {"name": "x"}, "name": "y"})
    hollow = await user.post("/projects", {"data": "x"})

    assert (201, 201) == (plain.status_code, wrapped.status_code)
    for response in (twice, beside, hollow):
        assert response.status_code == 422
        assert "data" in response.json()["error"]["details"]
