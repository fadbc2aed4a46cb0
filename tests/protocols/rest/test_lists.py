"""Lists: how many, in which order, from where on, and how many there are in all."""

from __future__ import annotations

from typing import Any

import pytest

from tests.people import People, Person

pytestmark = pytest.mark.anyio


async def titles(person: Person, path: str, cursor: str = "") -> list[str]:
    """Return the titles on all pages of a list, page by page, from the cursor on."""
    found: list[str] = []
    while True:
        page = (await person.get(f"{path}&cursor={cursor}" if cursor else path)).json()
        found += [one.get("title") or one.get("name") for one in page["data"]]
        cursor = page["meta"]["nextCursor"]
        if cursor is None:
            return found


@pytest.mark.parametrize("limit", ["1", "2", "100", "007"])
async def test_a_limit_is_kept(ada: Person, limit: str) -> None:
    project = await ada.project()
    for _ in range(3):
        await ada.task(project)

    answer = (await ada.get(f"/tasks?limit={limit}")).json()

    assert min(3, int(limit)) == len(answer["data"])
    assert int(limit) == answer["meta"]["limit"]
    assert (answer["meta"]["nextCursor"] is None) == (int(limit) >= 3)


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "", "x", "1000", "٣", "+5", "1e1", "0x1"])
async def test_a_limit_out_of_bounds_is_refused(ada: Person, limit: str) -> None:
    answer = await ada.ask("GET", "/tasks", params={"limit": limit})

    assert (400, "BAD_REQUEST") == (answer.status_code, answer.json()["error"]["code"])
    assert ["limit"] == [*answer.json()["error"]["details"]]


async def test_a_list_tells_no_total_unless_asked(ada: Person) -> None:
    project = await ada.project()
    for _ in range(3):
        await ada.task(project)

    plain = (await ada.get("/tasks?limit=2")).json()["meta"]
    exact = (await ada.get("/tasks?limit=2&count=exact")).json()["meta"]
    below = (await ada.get(f"/projects/{project['id']}/tasks?count=exact&status=done")).json()["meta"]
    last = (await ada.get(f"/tasks?limit=2&count=exact&cursor={exact['nextCursor']}")).json()["meta"]

    assert {"limit", "nextCursor"} == plain.keys()
    assert 3 == exact["total"] == last["total"]
    assert 0 == below["total"]
    assert 400 == (await ada.get("/tasks?count=estimated")).status_code


async def test_newest_come_first(ada: Person) -> None:
    for name in "abc":
        await ada.project(name=name)

    assert list("cba") == await titles(ada, "/projects?limit=2")


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
async def test_tasks_are_sorted(ada: Person, sort: str, expected: str, limit: int) -> None:
    project = await ada.project()
    for task in TASKS:
        await ada.task(project, **task)

    found = await titles(ada, f"/projects/{project['id']}/tasks?sort={sort}&limit={limit}")

    # A star stands for ties, whose order is that of their random ids.
    assert len(TASKS) == len(set(found))
    assert all(wanted in ("*", title) for wanted, title in zip(expected, found, strict=False))


async def test_updated_last_comes_first(ada: Person) -> None:
    project = await ada.project()
    tasks = [await ada.task(project, title=title) for title in "abc"]

    await ada.put(f"/tasks/{tasks[1]['id']}", {"status": "done"})

    assert list("bca") == await titles(ada, "/tasks?sort=-updatedAt")


async def test_members_are_sorted_by_joining_and_by_rank(ada: Person, people: People) -> None:
    project = await ada.project()
    for role in ("member", "viewer", "admin"):
        await people.member(project, ada, role)

    async def roles(question: str) -> list[str]:
        answer = await ada.get(f"/projects/{project['id']}/members{question}")
        return [one["role"] for one in answer.json()["data"]]

    assert ["admin", "viewer", "member", "owner"] == await roles("")
    assert ["owner", "member", "viewer", "admin"] == await roles("?sort=joinedAt")
    assert ["viewer", "member", "admin", "owner"] == await roles("?sort=role")
    assert ["owner", "admin", "member", "viewer"] == await roles("?sort=-role")
    for sort in ("joinedAt", "-role"):
        seen: list[str] = []
        cursor = ""
        for _ in range(4):
            path = f"/projects/{project['id']}/members?limit=1&sort={sort}{cursor}"
            page = (await ada.get(path)).json()
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
async def test_an_unknown_sort_is_refused(ada: Person, path: str, sort: str) -> None:
    answer = await ada.ask("GET", path, params={"sort": sort})

    assert (400, ["sort"]) == (answer.status_code, [*answer.json()["error"]["details"]])


@pytest.mark.parametrize("sort", ["-createdAt", "createdAt", "title", "-title", "dueDate", "-priority"])
async def test_pages_stay_whole_while_rows_come_and_go(ada: Person, sort: str) -> None:
    project = await ada.project()
    tasks = [await ada.task(project, title=f"{n:02}") for n in range(12)]
    path = f"/projects/{project['id']}/tasks?sort={sort}&limit=4"
    first = (await ada.get(path)).json()
    seen = [one["title"] for one in first["data"]]
    gone = next(one for one in tasks if one["title"] not in seen)

    await ada.task(project, title="000 before")
    await ada.task(project, title="zzz after")
    await ada.delete(f"/tasks/{first['data'][-1]['id']}")
    await ada.delete(f"/tasks/{gone['id']}")
    rest = await titles(ada, path, first["meta"]["nextCursor"])

    expected = {one["title"] for one in tasks} - set(seen) - {gone["title"]}
    assert expected <= set(rest) <= expected | {"000 before", "zzz after"}
    assert len(rest) == len(set(rest))


async def test_ties_are_paged_once_each(ada: Person) -> None:
    project = await ada.project()
    wanted = {(await ada.task(project, title="same", priority="low"))["id"] for _ in range(7)}

    for sort in ("title", "-title", "priority", "-priority", "status", "dueDate", "-dueDate"):
        found: list[str] = []
        cursor = ""
        while cursor is not None:
            suffix = f"&cursor={cursor}" if cursor else ""
            page = (await ada.get(f"/tasks?limit=3&sort={sort}{suffix}")).json()
            found += [one["id"] for one in page["data"]]
            cursor = page["meta"]["nextCursor"]
        assert 7 == len(found), sort
        assert wanted == set(found)


async def test_an_empty_list_is_a_list(ada: Person) -> None:
    answer = (await ada.get("/tasks")).json()

    assert {"success": True, "data": [], "meta": {"limit": 20, "nextCursor": None}} == answer
