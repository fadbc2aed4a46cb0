"""Sorting: by field, by the rank of a choice and by time, with nulls last and ties by primary key."""

from __future__ import annotations

from typing import Any

import pytest

from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


async def all_titles(user: ApiUser, path: str, cursor: str = "") -> list[str]:
    """Return the titles on all pages of a list, page by page, from the cursor on."""
    titles: list[str] = []
    while True:
        page = (await user.get(f"{path}&cursor={cursor}" if cursor else path)).json()
        titles += [row.get("title") or row.get("name") for row in page["data"]]
        cursor = page["meta"]["nextCursor"]
        if cursor is None:
            return titles


TASKS: list[dict[str, Any]] = [
    {"title": "a", "priority": "high", "status": "done", "dueDate": "2026-03-01T00:00:00Z"},
    {"title": "B", "priority": "low", "status": "todo"},
    {"title": "c", "priority": "urgent", "status": "review", "dueDate": "2026-01-01T00:00:00Z"},
    {"title": "ä", "priority": "medium", "status": "in_progress"},
    {"title": "d", "priority": "high", "status": "todo", "dueDate": "2026-02-01T00:00:00+02:00"},
]
SORTS = [
    ("createdAt", "aBcäd"),
    ("-createdAt", "däcBa"),
    ("updatedAt", "aBcäd"),
    ("title", "Bacdä"),
    ("-title", "ädcaB"),
    ("dueDate", "cda*"),
    ("-dueDate", "adc*"),
    ("priority", "Bä**c"),
    ("-priority", "c**äB"),
    ("status", "**äca"),
    ("-status", "acä**"),
]


@pytest.mark.parametrize(("sort", "expected"), SORTS)
@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_tasks_are_sorted_by_field(user: ApiUser, sort: str, expected: str, limit: int) -> None:
    project = await user.create_project()
    for task in TASKS:
        await user.create_task(project, **task)

    titles = await all_titles(user, f"/projects/{project['id']}/tasks?sort={sort}&limit={limit}")

    # A star stands for tasks with equal sort values, whose order is that of their random ids.
    assert len(TASKS) == len(set(titles))
    assert all(expected_title in ("*", title) for expected_title, title in zip(expected, titles, strict=False))


async def test_last_updated_task_comes_first(user: ApiUser) -> None:
    project = await user.create_project()
    tasks = [await user.create_task(project, title=title) for title in "abc"]

    await user.put(f"/tasks/{tasks[1]['id']}", {"status": "done"})

    assert list("bca") == await all_titles(user, "/tasks?sort=-updatedAt")


async def test_members_are_sorted_by_time_and_by_role(user: ApiUser, users: UserFactory) -> None:
    project = await user.create_project()
    for role in ("member", "viewer", "admin"):
        await users.create_member(project, user, role)

    async def roles(query: str) -> list[str]:
        response = await user.get(f"/projects/{project['id']}/members{query}")
        return [member["role"] for member in response.json()["data"]]

    assert await roles("") == ["admin", "viewer", "member", "owner"]
    assert await roles("?sort=joinedAt") == ["owner", "member", "viewer", "admin"]
    assert await roles("?sort=role") == ["viewer", "member", "admin", "owner"]
    assert await roles("?sort=-role") == ["owner", "admin", "member", "viewer"]
    for sort in ("joinedAt", "-role"):
        seen: list[str] = []
        cursor = ""
        for _ in range(4):
            path = f"/projects/{project['id']}/members?limit=1&sort={sort}{cursor}"
            page = (await user.get(path)).json()
            seen += [member["role"] for member in page["data"]]
            cursor = f"&cursor={page['meta']['nextCursor']}"
        assert await roles(f"?sort={sort}") == seen


async def test_rows_with_equal_sort_values_are_each_returned_once(user: ApiUser) -> None:
    project = await user.create_project()
    expected = {(await user.create_task(project, title="same", priority="low"))["id"] for _ in range(7)}

    for sort in ("title", "-title", "priority", "-priority", "status", "dueDate", "-dueDate"):
        ids: list[str] = []
        cursor = ""
        while cursor is not None:
            suffix = f"&cursor={cursor}" if cursor else ""
            page = (await user.get(f"/tasks?limit=3&sort={sort}{suffix}")).json()
            ids += [task["id"] for task in page["data"]]
            cursor = page["meta"]["nextCursor"]
        assert len(ids) == 7, sort
        assert set(ids) == expected
