"""Questions at random: any list or row, any fields, ways to depth four, filters, orders and pages.

They are drawn before there is a world: an id is a place in it, as `<tasks:3:id>`, until it is settled.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from monynha.core.wire import camel
from tests.laws.evaluation import RANKS, RELATIONS, Question
from tests.laws.world import COLUMNS, PRIORITIES, STATUSES, TAGS, Rows

ABSENT = str(UUID(int=7))
DEPTH = 4
SORTS = {
    "users": ("createdAt", "updatedAt", "name"),
    "posts": ("createdAt", "updatedAt", "title"),
    "projects": ("createdAt", "updatedAt", "name", "status"),
    "members": ("joinedAt", "role"),
    "tasks": ("createdAt", "updatedAt", "title", "dueDate", "priority", "status"),
}
MOMENTS = ("2026-01-01T00:00:00.000001Z", "2026-01-01T02:00:00.000000Z", "2026-01-01T05:00:00.000001Z")
_PLACE = re.compile(r"<(\w+):(\d+):(\w+)>")


def settled(asked: Question, rows: Rows) -> Question:
    """Return the question with the ids of a world."""

    def text(value: str) -> str:
        return _PLACE.sub(lambda place: rows[place[1]][int(place[2]) % len(rows[place[1]])][place[3]], value)

    filters = tuple(
        (name, [text(one) for one in value] if isinstance(value, list) else value)
        for name, value in asked.filters
    )
    parent = None if asked.parent is None else (asked.parent[0], text(asked.parent[1]))
    key = tuple(text(one) for one in asked.key)
    return replace(asked, path=text(asked.path), parent=parent, key=key, filters=filters)


@st.composite
def questions(draw: Any) -> Question:
    """Draw a question."""
    asked = draw(st.one_of(lists(), lists(), items()))
    includes = draw(st.lists(ways(asked.plural), max_size=3))
    names = list(_names(asked.plural))
    for path in includes:
        plural, prefix = asked.plural, ""
        for word in path.split("."):
            plural, prefix = RELATIONS[plural][word][0], f"{prefix}{word}."
            names += [prefix + name for name in _names(plural)]
    fields = draw(st.none() | st.lists(st.sampled_from(names), min_size=1, max_size=5))
    return Question(
        **{
            **vars(asked),
            "includes": tuple(includes),
            "fields": None if fields is None else tuple(fields),
        }
    )


@st.composite
def ways(draw: Any, plural: str) -> str:
    """Draw a way through the relations, up to four deep."""
    words = []
    for _ in range(draw(st.integers(1, DEPTH))):
        word = draw(st.sampled_from(sorted(RELATIONS[plural])))
        words.append(word)
        plural = RELATIONS[plural][word][0]
    return ".".join(words)


@st.composite
def lists(draw: Any) -> Question:
    """Draw a question for a list."""
    project, person = draw(_ids("projects")), draw(_ids("users"))
    plural, path, parent = draw(
        st.sampled_from(
            [
                ("users", "/users", None),
                ("posts", "/posts", None),
                ("projects", "/projects", None),
                ("tasks", "/tasks", None),
                ("tasks", f"/projects/{project}/tasks", ("projects", project)),
                ("members", f"/projects/{project}/members", ("projects", project)),
                ("posts", f"/users/{person}/posts", ("users", person)),
            ]
        )
    )
    orders = [sign + name for name in SORTS[plural] for sign in ("", "-")]
    sort = draw(st.sampled_from(["", *orders]))
    limit = draw(st.sampled_from([1, 2, 3, 7, 20, 100]))
    filters = draw(_filters(plural))
    return Question(plural, path, sort=sort, limit=limit, parent=parent, filters=tuple(filters.items()))


@st.composite
def items(draw: Any) -> Question:
    """Draw a question for one row, which may be foreign or absent."""
    plural = draw(st.sampled_from(sorted(RELATIONS)))
    if plural == "members":
        number = draw(st.integers(0, 99))
        own = f"<members:{number}:projectId>"
        pair = (draw(st.just(own) | _ids("projects")), f"<members:{number}:userId>")
        return Question(plural, f"/projects/{pair[0]}/members/{pair[1]}", key=pair)
    key = (draw(_ids(plural)),)
    return Question(plural, f"/{plural}/{key[0]}", key=key)


def _ids(plural: str) -> st.SearchStrategy[str]:
    return st.integers(0, 99).map(lambda number: f"<{plural}:{number}:id>") | st.just(ABSENT)


def _names(plural: str) -> list[str]:
    stored = [camel(name) for name in COLUMNS[plural].split(", ")]
    return [*stored, *(["myRole"] if plural == "projects" else [])]


def _filters(plural: str) -> st.SearchStrategy[dict[str, Any]]:
    people = st.lists(_ids("users") | st.just("me"), min_size=1, max_size=4)
    words = st.lists(st.sampled_from(["paint", "A", "%", "_", "it", "\\", "ship", "100"]), max_size=2)
    found: dict[str, st.SearchStrategy[Any]] = {}
    if plural in ("projects", "tasks"):
        found["q"] = words.map(" ".join)
    if plural == "posts":
        found["userId"] = people
    for resource, name in RANKS:
        if resource == plural:
            found[name] = st.lists(st.sampled_from(RANKS[resource, name]), min_size=1, max_size=3)
    if plural == "tasks":
        found |= {
            "status": st.lists(st.sampled_from(STATUSES), min_size=1, max_size=3),
            "priority": st.lists(st.sampled_from(PRIORITIES), min_size=1, max_size=3),
            "assigneeId": people,
            "tag": st.lists(st.sampled_from(TAGS), min_size=1, max_size=3),
            "dueBefore": st.sampled_from(MOMENTS),
            "dueAfter": st.sampled_from(MOMENTS),
        }
    return st.fixed_dictionaries({}, optional=found)
