"""Which changes the filter of a binding selects, and how an invalid filter is reported."""

from __future__ import annotations

from typing import Any

import pytest

from tests.phoenix_client import phoenix_client, tasks_binding
from tests.users import ApiUser

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
async def test_filter_selects_the_rows_that_sql_would(
    address: str, api_key: str, user: ApiUser, text: str, matches: bool
) -> None:
    project = await user.create_project()
    async with phoenix_client(address, api_key) as client:
        await client.join("a", user.token, tasks_binding(filter=text), tasks_binding(filter="title=eq.End"))
        system = await client.receive("system")
        await user.create_task(project, title="Write", status="done", tags=["a", "b"])
        await user.create_task(project, title="End")

        change = await client.receive_change()

    assert system["payload"]["status"] == "ok", system
    assert ("Write" if matches else "End") == change["record"]["title"]


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
async def test_invalid_filter_is_reported(address: str, api_key: str, user: ApiUser, text: Any) -> None:
    project = await user.create_project()
    async with phoenix_client(address, api_key) as client:
        reply = await client.join("a", user.token, tasks_binding(filter=text))
        system = await client.receive("system")
        await user.create_task(project)

        assert reply["status"] == "ok"
        assert system["payload"]["status"] == "error"
        assert await client.receives_no("postgres_changes")


async def test_change_contains_only_the_selected_columns(address: str, api_key: str, user: ApiUser) -> None:
    project = await user.create_project()
    async with phoenix_client(address, api_key) as client:
        await client.join("a", user.token, tasks_binding(select=["title"]))
        await user.create_task(project)
        change = await client.receive_change()

    assert {"id", "title"} == change["record"].keys() == {column["name"] for column in change["columns"]}


@pytest.mark.parametrize("table", ["users", "idempotency_keys", "nonsense"])
async def test_unpublished_table_cannot_be_bound(address: str, api_key: str, user: ApiUser, table: str) -> None:
    async with phoenix_client(address, api_key) as client:
        await client.join("a", user.token, {"event": "*", "schema": "public", "table": table})

        assert (await client.receive("system"))["payload"]["status"] == "error"
