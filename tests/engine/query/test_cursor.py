"""Cursors: opaque, valid for the list that they came from, and harmless when forged."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

ID = "00000000-0000-4000-8000-000000000000"


async def first_page_cursor(user: ApiUser, path: str) -> str:
    """Return the cursor of the first page of a list."""
    response = await user.get(path)
    cursor: str = response.json()["meta"]["nextCursor"]
    assert cursor
    return cursor


async def create_project_with_tasks(user: ApiUser) -> dict[str, Any]:
    """Return a project with three tasks."""
    project = await user.create_project()
    for title in "abc":
        await user.create_task(project, title=title)
    return project


@pytest.mark.parametrize(
    "other",
    [
        "/tasks?limit=1&sort=createdAt",
        "/tasks?limit=1&sort=title",
        "/tasks?limit=1&status=todo",
        "/tasks?limit=1&q=a",
        "/tasks?limit=1&assigneeId=me",
        "/posts?limit=1",
        "/projects?limit=1",
        "/projects/{id}/tasks?limit=1",
        "/projects/{id}/members?limit=1",
        "/users/me/posts?limit=1",
    ],
)
async def test_cursor_of_another_list_is_rejected(user: ApiUser, other: str) -> None:
    project = await create_project_with_tasks(user)
    cursor = await first_page_cursor(user, "/tasks?limit=1")

    response = await user.get(f"{other.format(**project)}&cursor={cursor}")

    assert (response.status_code, response.json()["error"]["code"]) == (400, "BAD_REQUEST")
    assert response.json()["error"]["details"] == {"cursor": "is not valid for this list"}


async def test_cursor_of_another_project_is_rejected(user: ApiUser) -> None:
    project, other_project = await create_project_with_tasks(user), await create_project_with_tasks(user)
    cursor = await first_page_cursor(user, f"/projects/{project['id']}/tasks?limit=1")

    response = await user.get(f"/projects/{other_project['id']}/tasks?limit=1&cursor={cursor}")

    assert response.status_code == 400


async def test_cursor_is_rejected_with_another_filter_value(user: ApiUser) -> None:
    await create_project_with_tasks(user)
    cursor = await first_page_cursor(user, "/tasks?limit=1&status=todo")

    assert (await user.get(f"/tasks?limit=1&status=done&cursor={cursor}")).status_code == 400
    assert (await user.get(f"/tasks?limit=1&status=todo,done&cursor={cursor}")).status_code == 400


@pytest.mark.parametrize("query", ["limit=2", "limit=100&fields=title", "limit=1&count=exact&include=project"])
async def test_cursor_is_valid_for_another_limit_and_other_fields(user: ApiUser, query: str) -> None:
    await create_project_with_tasks(user)
    cursor = await first_page_cursor(user, "/tasks?limit=1")

    response = await user.get(f"/tasks?{query}&cursor={cursor}")

    assert response.json()["data"][0]["title"] == "b"


async def test_cursor_of_another_user_shows_none_of_their_rows(user: ApiUser, users: UserFactory) -> None:
    await create_project_with_tasks(user)
    cursor = await first_page_cursor(user, "/tasks?limit=1")
    other_user = await users.create("Grace")

    response = await other_user.get(f"/tasks?limit=1&cursor={cursor}")

    assert response.json()["data"] == []


def forge_cursor(cursor: str, sort_values: str | bytes) -> str:
    """Return the cursor with other sort values behind its digest."""
    digest = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))[:8]
    payload = sort_values.encode("utf-8", "surrogatepass") if isinstance(sort_values, str) else sort_values
    return base64.urlsafe_b64encode(digest + payload).rstrip(b"=").decode()


FORGED_SORT_VALUES = [
    "",
    "null",
    "{}",
    "[]",
    "[[[",
    "[" * 5000,
    "[1]",
    f'["2026-01-01T00:00:00Z", "{ID}", "{ID}"]',
    '["2026-01-01T00:00:00Z", "no-uuid"]',
    '["2026-01-01T00:00:00Z", null]',
    '["2026-01-01T00:00:00Z", 7]',
    '["2026-01-01T00:00:00Z", ["x"]]',
    f'["yesterday", "{ID}"]',
    f'["2026-01-01T00:00:00", "{ID}"]',
    f'["2026-02-31T00:00:00Z", "{ID}"]',
    f'["99999-01-01T00:00:00Z", "{ID}"]',
    f'["0000-01-01T00:00:00Z", "{ID}"]',
    f'["9999-12-31T23:59:59-23:59", "{ID}"]',
    f'[null, "{ID}"]',
    f'[1e999, "{ID}"]',
    f'[NaN, "{ID}"]',
    f'[{"9" * 5000}, "{ID}"]',
    f'[true, "{ID}"]',
    f'["\\u0000", "{ID}"]',
    f'["\\ud800", "{ID}"]',
    b"\xff\xfe\x00",
]


@pytest.mark.parametrize("sort_values", FORGED_SORT_VALUES)
@pytest.mark.parametrize("sort", ["-createdAt", "updatedAt"])
async def test_forged_timestamp_is_rejected(user: ApiUser, sort_values: str | bytes, sort: str) -> None:
    await create_project_with_tasks(user)
    cursor = await first_page_cursor(user, f"/tasks?limit=1&sort={sort}")

    response = await user.get(f"/tasks?limit=1&sort={sort}&cursor={forge_cursor(cursor, sort_values)}")

    assert response.status_code == 400


@pytest.mark.parametrize(
    ("sort", "sort_value", "expected"),
    [
        ("title", "x" * 2000, 200),
        ("title", "\ufffe'\"\\ --", 200),
        ("title", "\x00", 400),
        ("title", None, 400),
        ("title", 7, 400),
        ("title", {"a": 1}, 400),
        ("priority", 2, 200),
        ("priority", -7, 200),
        ("priority", 10**6, 400),
        ("priority", 10**30, 400),
        ("priority", "low", 400),
        ("priority", True, 400),
        ("priority", None, 400),
        ("priority", 1.5, 400),
        ("dueDate", None, 200),
        ("dueDate", "2026-01-01T00:00:00Z", 200),
        ("dueDate", "0001-01-01T00:00:00+00:00", 200),
        ("dueDate", "infinity", 400),
        ("dueDate", "", 400),
    ],
)
async def test_forged_sort_value_is_rejected_unless_it_has_the_type_of_the_sort(
    user: ApiUser, sort: str, sort_value: object, expected: int
) -> None:
    await create_project_with_tasks(user)
    for direction in ("", "-"):
        cursor = await first_page_cursor(user, f"/tasks?limit=1&sort={direction}{sort}")
        forged = forge_cursor(cursor, json.dumps([sort_value, ID]))
        response = await user.get(f"/tasks?limit=1&sort={direction}{sort}&cursor={forged}")
        assert response.status_code == expected, response.text


@pytest.mark.parametrize("cursor", ["", "x", "=", "a b", "%FF", "é", "AAAA" * 100, "-_-_", "A" * 11 + "=", "{}"])
async def test_malformed_cursor_is_rejected(user: ApiUser, cursor: str) -> None:
    response = await user.request("GET", "/tasks", params={"cursor": cursor})

    assert (response.status_code, response.json()["error"]["code"]) == (400, "BAD_REQUEST")


async def test_cursor_with_a_flipped_bit_is_rejected_or_harmless(user: ApiUser) -> None:
    await create_project_with_tasks(user)
    cursor = await first_page_cursor(user, "/tasks?limit=1")
    raw = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))

    for index in range(len(raw)):
        flipped = bytearray(raw)
        flipped[index] ^= 1
        forged = base64.urlsafe_b64encode(flipped).rstrip(b"=").decode()
        response = await user.get(f"/tasks?limit=1&cursor={forged}")
        assert response.status_code in ((400,) if index < 8 else (200, 400))
