"""Which values fields accept: limits in characters or bytes, trimming, choices, URLs."""

from __future__ import annotations

import re
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
    """Create one and return its path."""
    if noun == "user":
        return "/users/me"
    if noun == "post":
        return f"/posts/{(await user.create('/posts', VALID_POST))['id']}"
    project = await user.create_project()
    if noun == "project":
        return f"/projects/{project['id']}"
    return f"/tasks/{(await user.create_task(project))['id']}"


@pytest.mark.parametrize(("noun", "field", "value", "is_valid"), VALUES)
async def test_update_accepts_a_value_or_names_the_invalid_field(
    user: ApiUser, noun: str, field: str, value: Any, is_valid: bool
) -> None:
    path = await create_and_get_path(user, noun)
    before = await user.get(path)

    response = await user.put(path, {field: value})

    if is_valid:
        trimmed = value.strip() if field in ("title", "name") else value
        assert (200, trimmed) == (response.status_code, response.json()["data"][field])
        assert response.content == (await user.get(path)).content
    else:
        assert (422, [field]) == (response.status_code, [*response.json()["error"]["details"]])
        assert "validation" in response.json()["error"]["message"]
        assert before.content == (await user.get(path)).content


async def test_create_accepts_and_rejects_the_same_values(user: ApiUser) -> None:
    project = await user.create_project()
    paths = {"post": "/posts", "project": "/projects", "task": f"/projects/{project['id']}/tasks"}
    required = {"post": VALID_POST, "project": {"name": "x"}, "task": {"title": "x"}}

    for noun, field, value, is_valid in VALUES:
        if noun in paths:
            response = await user.post(paths[noun], {**required[noun], field: value})
            assert (201 if is_valid else 422) == response.status_code, (noun, field, str(value)[:80])


async def test_all_problems_are_reported_at_once(user: ApiUser) -> None:
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


async def test_missing_fields_are_named(user: ApiUser) -> None:
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


async def test_omitted_fields_get_their_defaults(user: ApiUser) -> None:
    project = await user.create_project()
    task = await user.create_task(project)

    assert (project["status"], project["settings"], project["description"]) == ("active", {}, None)
    shown = tuple(task[name] for name in ("status", "priority", "tags", "dueDate", "assigneeId", "description"))
    assert shown == ("todo", "medium", [], None, None, None)


@pytest.mark.parametrize("field", ["id", "projectId", "createdAt", "updatedAt"])
async def test_read_only_field_is_rejected(user: ApiUser, field: str) -> None:
    project = await user.create_project()
    task = await user.create_task(project)

    created = await user.post(f"/projects/{project['id']}/tasks", {"title": "x", field: task[field]})
    changed = await user.put(f"/tasks/{task['id']}", {field: task[field]})

    expected = (422, {field: "is read-only"})
    assert expected == (created.status_code, created.json()["error"]["details"])
    assert expected == (changed.status_code, changed.json()["error"]["details"])


async def test_update_changes_only_the_fields_it_names(user: ApiUser) -> None:
    project = await user.create_project()
    task = await user.create_task(project, title="a", tags=["x"], dueDate="2026-01-01T00:00:00Z", priority="high")

    for method in ("PUT", "PATCH"):
        changed = (await user.request(method, f"/tasks/{task['id']}", json={"title": method})).json()["data"]
        assert changed == {**task, "title": method, "updatedAt": changed["updatedAt"]}


async def test_body_may_be_wrapped_in_data_once(user: ApiUser) -> None:
    plain = await user.post("/projects", {"name": "x"})
    wrapped = await user.post("/projects", {"data": {"name": "x"}})
    twice = await user.post("/projects", {"data": {"data": {"name": "x"}}})
    beside = await user.post("/projects", {"data": {"name": "x"}, "name": "y"})
    hollow = await user.post("/projects", {"data": "x"})

    assert (plain.status_code, wrapped.status_code) == (201, 201)
    for response in (twice, beside, hollow):
        assert response.status_code == 422
        assert "data" in response.json()["error"]["details"]


TIMES = [
    ("2026-01-31T09:00:00Z", "2026-01-31T09:00:00.000000Z"),
    ("2026-01-31T09:00:00+00:00", "2026-01-31T09:00:00.000000Z"),
    ("2026-01-31T09:00:00-00:00", "2026-01-31T09:00:00.000000Z"),
    ("2026-01-31t09:00:00z", "2026-01-31T09:00:00.000000Z"),
    ("2026-01-31 09:00:00Z", "2026-01-31T09:00:00.000000Z"),
    ("2026-01-31T23:30:00-05:30", "2026-02-01T05:00:00.000000Z"),
    ("2026-01-01T00:00:00+14:00", "2025-12-31T10:00:00.000000Z"),
    ("2026-01-31T09:00:00.5Z", "2026-01-31T09:00:00.500000Z"),
    ("2026-01-31T09:00:00.123456Z", "2026-01-31T09:00:00.123456Z"),
    ("2026-01-31T09:00:00.1234569Z", "2026-01-31T09:00:00.123456Z"),
    ("2026-01-31T09:00:00.999999999Z", "2026-01-31T09:00:00.999999Z"),
    ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000000Z"),
    ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
    ("0999-06-01T00:00:00Z", "0999-06-01T00:00:00.000000Z"),
    ("1900-01-01T00:00:00Z", "1900-01-01T00:00:00.000000Z"),
    ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
]
INVALID_TIMES = [
    "2026-01-31",
    "2026-01-31T09:00:00",
    "2026-01-31T09:00Z",
    "2026-01-31T09Z",
    "20260131T090000Z",
    "2026-01-31T09:00:00+0100",
    "2026-01-31T09:00:00+01",
    "2026-01-31T09:00:00 Z",
    " 2026-01-31T09:00:00Z",
    "2026-01-31T09:00:00Z\n",
    "2026-01-31T09:00:00.Z",
    "2026-01-31T09:00:00,5Z",
    "2026-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "2026-01-31T24:00:00Z",
    "2026-01-31T09:60:00Z",
    "2026-01-31T09:00:61Z",
    "2026-01-31T09:00:00+24:00",
    "2026-01-31T09:00:00+01:60",
    "0000-01-01T00:00:00Z",
    "10000-01-01T00:00:00Z",
    "+2026-01-01T00:00:00Z",
    "-0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59-00:01",
    "２０２６-01-31T09:00:00Z",
    "infinity",
    "now",
    "epoch",
    "",
    1769850000,
    1769850000.5,
    True,
    {},
    [],
]


@pytest.mark.parametrize(("sent", "expected"), TIMES)
async def test_time_is_returned_in_utc(user: ApiUser, sent: str, expected: str) -> None:
    project = await user.create_project()

    task = await user.create_task(project, dueDate=sent)
    changed = await user.put(f"/tasks/{task['id']}", {"dueDate": sent})

    assert task["dueDate"] == expected
    assert task == changed.json()["data"]
    assert (await user.get("/tasks?sort=dueDate")).json()["data"] == [task]


@pytest.mark.parametrize("sent", INVALID_TIMES)
async def test_invalid_time_is_rejected(user: ApiUser, sent: object) -> None:
    project = await user.create_project()

    response = await user.post(f"/projects/{project['id']}/tasks", {"title": "x", "dueDate": sent})

    assert (response.status_code, [*response.json()["error"]["details"]]) == (422, ["dueDate"])


async def test_every_time_has_six_fraction_digits_and_a_z(user: ApiUser) -> None:
    project = await user.create_project()
    await user.create_task(project, dueDate="2026-01-01T00:00:00Z")

    shown = (await user.get(f"/projects/{project['id']}?include=tasks,members.user,owner")).text

    times = re.findall(r'"(?:\w+At|dueDate)":\s?"([^"]*)"', shown)
    assert len(times) == 10
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", time) for time in times)


async def test_times_far_apart_are_sorted_in_order(user: ApiUser) -> None:
    project = await user.create_project()
    for time, _ in TIMES[-5:]:
        await user.create_task(project, dueDate=time)
    expected = sorted(time for _, time in TIMES[-5:])

    times = []
    cursor = ""
    for _ in range(5):
        page = (await user.get(f"/tasks?sort=dueDate&limit=1{cursor}")).json()
        times += [task["dueDate"] for task in page["data"]]
        cursor = f"&cursor={page['meta']['nextCursor']}"

    assert times == expected
