"""Lists: how many, in which order, from where on, and how many there are in all."""

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
        titles += [one.get("title") or one.get("name") for one in page["data"]]
        cursor = page["meta"]["nextCursor"]
        if cursor is None:
            return titles


@pytest.mark.parametrize("limit", ["1", "2", "100", "007"])
async def test_a_limit_is_kept(user: ApiUser, limit: str) -> None:
    project = await user.create_project()
    for _ in range(3):
        await user.create_task(project)

    response = (await user.get(f"/tasks?limit={limit}")).json()

    assert min(3, int(limit)) == len(response["data"])
    assert int(limit) == response["meta"]["limit"]
    assert (response["meta"]["nextCursor"] is None) == (int(limit) >= 3)


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "", "x", "1000", "٣", "+5", "1e1", "0x1"])
async def test_a_limit_out_of_bounds_is_refused(user: ApiUser, limit: str) -> None:
    response = await user.request("GET", "/tasks", params={"limit": limit})

    assert (400, "BAD_REQUEST") == (response.status_code, response.json()["error"]["code"])
    assert ["limit"] == [*response.json()["error"]["details"]]


async def test_a_list_tells_no_total_unless_asked(user: ApiUser) -> None:
    project = await user.create_project()
    for _ in range(3):
        await user.create_task(project)

    plain = (await user.get("/tasks?limit=2")).json()["meta"]
    exact = (await user.get("/tasks?limit=2&count=exact")).json()["meta"]
    below = (await user.get(f"/projects/{project['id']}/tasks?count=exact&status=done")).json()["meta"]
    last = (await user.get(f"/tasks?limit=2&count=exact&cursor={exact['nextCursor']}")).json()["meta"]

    assert plain.keys() == {"limit", "nextCursor"}
    assert 3 == exact["total"] == last["total"]
    assert below["total"] == 0
    assert (await user.get("/tasks?count=estimated")).status_code == 400


async def test_newest_come_first(user: ApiUser) -> None:
    for name in "abc":
        await user.create_project(name=name)

    assert list("cba") == await all_titles(user, "/projects?limit=2")


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
async def test_tasks_are_sorted(user: ApiUser, sort: str, expected: str, limit: int) -> None:
    project = await user.create_project()
    for task in TASKS:
        await user.create_task(project, **task)

    titles = await all_titles(user, f"/projects/{project['id']}/tasks?sort={sort}&limit={limit}")

    # A star stands for ties, whose order is that of their random ids.
    assert len(TASKS) == len(set(titles))
    assert all(wanted in ("*", title) for wanted, title in zip(expected, titles, strict=False))


async def test_updated_last_comes_first(user: ApiUser) -> None:
    project = await user.create_project()
    tasks = [await user.create_task(project, title=title) for title in "abc"]

    await user.put(f"/tasks/{tasks[1]['id']}", {"status": "done"})

    assert list("bca") == await all_titles(user, "/tasks?sort=-updatedAt")


async def test_members_are_sorted_by_joining_and_by_rank(user: ApiUser, users: UserFactory) -> None:
    project = await user.create_project()
    for role in ("member", "viewer", "admin"):
        await users.create_member(project, user, role)

    async def roles(question: str) -> list[str]:
        response = await user.get(f"/projects/{project['id']}/members{question}")
        return [one["role"] for one in response.json()["data"]]

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
            seen += [one["role"] for one in page["data"]]
            cursor = f"&cursor={page['meta']['nextCursor']}"
        assert await roles(f"?sort={sort}") == seen


@pytest.mark.parametrize(
    ("path", "sort"),
    [
        ("/tasks", "tags"),
        ("/tasks", "-"),
        ("/tasks", "--createdAt"),
        ("/tasks", ""),
        ("/tasks", "title,status"),
        ("/users", "email"),
        ("/projects", "myRole"),
        ("/posts", "version"),
        ("/tasks", "title desc"),
    ],
)
async def test_an_unknown_sort_is_refused(user: ApiUser, path: str, sort: str) -> None:
    response = await user.request("GET", path, params={"sort": sort})

    assert (400, ["sort"]) == (response.status_code, [*response.json()["error"]["details"]])


@pytest.mark.parametrize("sort", ["-createdAt", "createdAt", "title", "-title", "dueDate", "-priority"])
async def test_pages_stay_whole_while_rows_come_and_go(user: ApiUser, sort: str) -> None:
    project = await user.create_project()
    tasks = [await user.create_task(project, title=f"{n:02}") for n in range(12)]
    path = f"/projects/{project['id']}/tasks?sort={sort}&limit=4"
    first = (await user.get(path)).json()
    seen = [one["title"] for one in first["data"]]
    deleted = next(one for one in tasks if one["title"] not in seen)

    await user.create_task(project, title="000 before")
    await user.create_task(project, title="zzz after")
    await user.delete(f"/tasks/{first['data'][-1]['id']}")
    await user.delete(f"/tasks/{deleted['id']}")
    rest = await all_titles(user, path, first["meta"]["nextCursor"])

    expected = {one["title"] for one in tasks} - set(seen) - {deleted["title"]}
    assert expected <= set(rest) <= expected | {"000 before", "zzz after"}
    assert len(rest) == len(set(rest))


async def test_ties_are_paged_once_each(user: ApiUser) -> None:
    project = await user.create_project()
    expected = {(await user.create_task(project, title="same", priority="low"))["id"] for _ in range(7)}

    for sort in ("title", "-title", "priority", "-priority", "status", "dueDate", "-dueDate"):
        ids: list[str] = []
        cursor = ""
        while cursor is not None:
            suffix = f"&cursor={cursor}" if cursor else ""
            page = (await user.get(f"/tasks?limit=3&sort={sort}{suffix}")).json()
            ids += [one["id"] for one in page["data"]]
            cursor = page["meta"]["nextCursor"]
        assert len(ids) == 7, sort
        assert set(ids) == expected


async def test_an_empty_list_is_a_list(user: ApiUser) -> None:
    response = (await user.get("/tasks")).json()

    assert response == {"success": True, "data": [], "meta": {"limit": 20, "nextCursor": None}}
