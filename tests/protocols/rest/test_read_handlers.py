"""Lists: limit, sort, cursor and total."""

from __future__ import annotations

import pytest

from tests.users import ApiUser

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


@pytest.mark.parametrize("limit", ["1", "2", "100", "007"])
async def test_page_has_at_most_limit_rows(user: ApiUser, limit: str) -> None:
    project = await user.create_project()
    for _ in range(3):
        await user.create_task(project)

    response = (await user.get(f"/tasks?limit={limit}")).json()

    assert min(3, int(limit)) == len(response["data"])
    assert int(limit) == response["meta"]["limit"]
    assert (response["meta"]["nextCursor"] is None) == (int(limit) >= 3)


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "", "x", "1000", "٣", "+5", "1e1", "0x1"])
async def test_limit_out_of_range_is_rejected(user: ApiUser, limit: str) -> None:
    response = await user.request("GET", "/tasks", params={"limit": limit})

    assert (response.status_code, response.json()["error"]["code"]) == (400, "BAD_REQUEST")
    assert [*response.json()["error"]["details"]] == ["limit"]


async def test_total_is_returned_only_on_request(user: ApiUser) -> None:
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


async def test_newest_row_comes_first_by_default(user: ApiUser) -> None:
    for name in "abc":
        await user.create_project(name=name)

    assert list("cba") == await all_titles(user, "/projects?limit=2")


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
async def test_unknown_sort_is_rejected(user: ApiUser, path: str, sort: str) -> None:
    response = await user.request("GET", path, params={"sort": sort})

    assert (response.status_code, [*response.json()["error"]["details"]]) == (400, ["sort"])


@pytest.mark.parametrize("sort", ["-createdAt", "createdAt", "title", "-title", "dueDate", "-priority"])
async def test_pages_stay_complete_while_rows_are_created_and_deleted(user: ApiUser, sort: str) -> None:
    project = await user.create_project()
    tasks = [await user.create_task(project, title=f"{n:02}") for n in range(12)]
    path = f"/projects/{project['id']}/tasks?sort={sort}&limit=4"
    first = (await user.get(path)).json()
    seen = [task["title"] for task in first["data"]]
    deleted = next(task for task in tasks if task["title"] not in seen)

    await user.create_task(project, title="000 before")
    await user.create_task(project, title="zzz after")
    await user.delete(f"/tasks/{first['data'][-1]['id']}")
    await user.delete(f"/tasks/{deleted['id']}")
    rest = await all_titles(user, path, first["meta"]["nextCursor"])

    expected = {task["title"] for task in tasks} - set(seen) - {deleted["title"]}
    assert expected <= set(rest) <= expected | {"000 before", "zzz after"}
    assert len(rest) == len(set(rest))


async def test_empty_list_has_no_next_page(user: ApiUser) -> None:
    response = (await user.get("/tasks")).json()

    assert response == {"success": True, "data": [], "meta": {"limit": 20, "nextCursor": None}}
