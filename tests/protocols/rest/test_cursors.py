"""Cursors are opaque, good for the list they came from, and harmless when forged."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.people import People, Person

pytestmark = pytest.mark.anyio

ID = "00000000-0000-4000-8000-000000000000"


async def cursor_of(person: Person, path: str) -> str:
    """Return the cursor of the first page of a list."""
    answer = await person.get(path)
    cursor: str = answer.json()["meta"]["nextCursor"]
    assert cursor
    return cursor


async def board(person: Person) -> dict[str, Any]:
    """Return a project with three tasks."""
    project = await person.project()
    for title in "abc":
        await person.task(project, title=title)
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
async def test_a_cursor_of_another_list_is_refused(ada: Person, other: str) -> None:
    project = await board(ada)
    cursor = await cursor_of(ada, "/tasks?limit=1")

    answer = await ada.get(f"{other.format(**project)}&cursor={cursor}")

    assert (400, "BAD_REQUEST") == (answer.status_code, answer.json()["error"]["code"])
    assert {"cursor": "is not of this list"} == answer.json()["error"]["details"]


async def test_a_cursor_of_another_project_is_refused(ada: Person) -> None:
    one, two = await board(ada), await board(ada)
    cursor = await cursor_of(ada, f"/projects/{one['id']}/tasks?limit=1")

    answer = await ada.get(f"/projects/{two['id']}/tasks?limit=1&cursor={cursor}")

    assert 400 == answer.status_code


async def test_a_cursor_with_another_filter_value_is_refused(ada: Person) -> None:
    await board(ada)
    cursor = await cursor_of(ada, "/tasks?limit=1&status=todo")

    assert 400 == (await ada.get(f"/tasks?limit=1&status=done&cursor={cursor}")).status_code
    assert 400 == (await ada.get(f"/tasks?limit=1&status=todo,done&cursor={cursor}")).status_code


@pytest.mark.parametrize(
    "question", ["limit=2", "limit=100&fields=title", "limit=1&count=exact&include=project"]
)
async def test_a_cursor_is_good_for_another_look_at_the_same_list(ada: Person, question: str) -> None:
    await board(ada)
    cursor = await cursor_of(ada, "/tasks?limit=1")

    answer = await ada.get(f"/tasks?{question}&cursor={cursor}")

    assert "b" == answer.json()["data"][0]["title"]


async def test_somebody_elses_cursor_shows_nothing_of_theirs(ada: Person, people: People) -> None:
    await board(ada)
    cursor = await cursor_of(ada, "/tasks?limit=1")
    grace = await people.new("Grace")

    answer = await grace.get(f"/tasks?limit=1&cursor={cursor}")

    assert [] == answer.json()["data"]


def forge(cursor: str, marks: str | bytes) -> str:
    """Return the cursor with other sort values behind its digest."""
    digest = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))[:8]
    told = marks.encode("utf-8", "surrogatepass") if isinstance(marks, str) else marks
    return base64.urlsafe_b64encode(digest + told).rstrip(b"=").decode()


FORGED = [
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


@pytest.mark.parametrize("marks", FORGED)
@pytest.mark.parametrize("sort", ["-createdAt", "updatedAt"])
async def test_forged_times_are_refused(ada: Person, marks: str | bytes, sort: str) -> None:
    await board(ada)
    cursor = await cursor_of(ada, f"/tasks?limit=1&sort={sort}")

    answer = await ada.get(f"/tasks?limit=1&sort={sort}&cursor={forge(cursor, marks)}")

    assert 400 == answer.status_code


@pytest.mark.parametrize(
    ("sort", "mark", "expected"),
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
async def test_forged_marks_are_values_of_the_sort_or_refused(
    ada: Person, sort: str, mark: object, expected: int
) -> None:
    await board(ada)
    for direction in ("", "-"):
        cursor = await cursor_of(ada, f"/tasks?limit=1&sort={direction}{sort}")
        forged = forge(cursor, json.dumps([mark, ID]))
        answer = await ada.get(f"/tasks?limit=1&sort={direction}{sort}&cursor={forged}")
        assert expected == answer.status_code, answer.text


@pytest.mark.parametrize(
    "cursor", ["", "x", "=", "a b", "%FF", "é", "AAAA" * 100, "-_-_", "A" * 11 + "=", "{}"]
)
async def test_what_is_no_cursor_is_refused(ada: Person, cursor: str) -> None:
    answer = await ada.ask("GET", "/tasks", params={"cursor": cursor})

    assert (400, "BAD_REQUEST") == (answer.status_code, answer.json()["error"]["code"])


async def test_every_bit_of_a_cursor_counts_or_is_harmless(ada: Person) -> None:
    await board(ada)
    cursor = await cursor_of(ada, "/tasks?limit=1")
    raw = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))

    for index in range(len(raw)):
        flipped = bytearray(raw)
        flipped[index] ^= 1
        told = base64.urlsafe_b64encode(flipped).rstrip(b"=").decode()
        answer = await ada.get(f"/tasks?limit=1&cursor={told}")
        assert answer.status_code in ((400,) if index < 8 else (200, 400))
