"""Which changes a binding chooses, and what becomes of one that cannot be read."""

from __future__ import annotations

from typing import Any

import pytest

from tests.people import Person
from tests.phoenix import phoenix, tasks

pytestmark = pytest.mark.anyio


FILTERS = [
    ("status=eq.done", True),
    ("status=neq.done", False),
    ("status=in.(todo,done)", True),
    ("status=not.in.(todo,done)", False),
    ('status=in.("done")', True),
    ("title=like.Wr%", True),
    ("title=like.wr%", False),
    ("title=ilike.wr_te%", True),
    ("title=match.^W.*e$", True),
    ("title=imatch.^w", True),
    ("title=not.match.^W", False),
    ("due_date=is.null", True),
    ("due_date=not.is.null", False),
    ("due_date=gt.2020-01-01", False),
    ("created_at=gt.2020-01-01T00:00:00Z", True),
    ("created_at=lte.2020-01-01 00:00:00+00", False),
    ("assignee_id=isdistinct.00000000-0000-4000-8000-000000000000", True),
    ("version=gte.1,status=eq.done", True),
    ("version=gt.1,status=eq.done", False),
    ("tags=eq.{a,b}", True),
    ("title=gt.A", True),
    ("title=lt.A", False),
]


@pytest.mark.parametrize(("text", "matches"), FILTERS)
async def test_filters_choose_as_sql_would(
    address: str, key: str, ada: Person, text: str, matches: bool
) -> None:
    project = await ada.project()
    async with phoenix(address, key) as socket:
        await socket.join("a", ada.token, tasks(filter=text), tasks(filter="title=eq.End"))
        system = await socket.hear("system")
        await ada.task(project, title="Write", status="done", tags=["a", "b"])
        await ada.task(project, title="End")

        first = await socket.change()

    assert "ok" == system["payload"]["status"], system
    assert ("Write" if matches else "End") == first["record"]["title"]


@pytest.mark.parametrize(
    "text",
    [
        "nonsense=eq.1",
        "status",
        "status=between.1",
        "project_id=eq.x",
        "version=eq.x",
        "status=in.a",
        "title=match.(",
        "password_hash=eq.x",
        "status=eq.done' or '1'='1,x",
        f"status=in.({','.join('a' * 1 for _ in range(101))})",
        5,
    ],
)
async def test_a_filter_that_cannot_be_read_is_told(address: str, key: str, ada: Person, text: Any) -> None:
    project = await ada.project()
    async with phoenix(address, key) as socket:
        answer = await socket.join("a", ada.token, tasks(filter=text))
        system = await socket.hear("system")
        await ada.task(project)

        assert "ok" == answer["status"]
        assert "error" == system["payload"]["status"]
        assert await socket.hears_no("postgres_changes")


async def test_only_the_columns_that_are_selected_come(address: str, key: str, ada: Person) -> None:
    project = await ada.project()
    async with phoenix(address, key) as socket:
        await socket.join("a", ada.token, tasks(select=["title"]))
        await ada.task(project)
        change = await socket.change()

    assert {"id", "title"} == change["record"].keys() == {one["name"] for one in change["columns"]}


@pytest.mark.parametrize("table", ["users", "idempotency_keys", "nonsense"])
async def test_what_is_not_published_cannot_be_heard(address: str, key: str, ada: Person, table: str) -> None:
    async with phoenix(address, key) as socket:
        await socket.join("a", ada.token, {"event": "*", "schema": "public", "table": table})

        assert "error" == (await socket.hear("system"))["payload"]["status"]
