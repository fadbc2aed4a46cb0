"""Which changes the filter of a binding selects, and how an invalid filter is reported."""

from __future__ import annotations

from typing import Any

import pytest

from monynha.app.composition.catalog import CATALOG
from monynha.protocols.phoenix.filters import matches_like, parse_filter
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


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("Write", "W%", True),
        ("Write", "%t_", True),
        ("Write", "w%", False),
        ("", "%", True),
        ("", "_", False),
        ("50%", r"50\%", True),
        ("500", r"50\%", False),
        ("a" * 5_000, "%a" * 500 + "%b", False),
    ],
    ids=range(8),
)
def test_like_matches_as_in_sql_in_bounded_time(text: str, pattern: str, expected: bool) -> None:
    assert matches_like(text, pattern) is expected


def test_null_matches_no_comparison_negated_or_not() -> None:
    tasks = CATALOG.resources["tasks"]

    for filter in ("due_date=gt.2020-01-01", "due_date=not.gt.2020-01-01", "due_date=in.(2020-01-01)"):
        [condition] = parse_filter(tasks, filter)
        assert not condition.matches({"due_date": None})
    [distinct] = parse_filter(tasks, "due_date=isdistinct.2020-01-01")
    assert distinct.matches({"due_date": None})
