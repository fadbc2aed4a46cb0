"""Hypothesis strategies for read requests: any list or item, fields, relations to depth four, filters, sorts, pages.

They are drawn before the dataset exists: an id is a placeholder such as `<tasks:3:id>` until it is resolved.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from monynha.core.serialization import to_camel_case
from tests.laws.dataset import COLUMNS, PRIORITIES, STATUSES, TAGS, Rows
from tests.laws.read_oracle import RANKS, RELATIONS, ReadRequest

ABSENT = str(UUID(int=7))
DEPTH = 4
SORT_FIELDS = {
    "users": ("createdAt", "updatedAt", "name"),
    "posts": ("createdAt", "updatedAt", "title"),
    "projects": ("createdAt", "updatedAt", "name", "status"),
    "members": ("joinedAt", "role"),
    "tasks": ("createdAt", "updatedAt", "title", "dueDate", "priority", "status"),
}
DUE_DATES = ("2026-01-01T00:00:00.000001Z", "2026-01-01T02:00:00.000000Z", "2026-01-01T05:00:00.000001Z")
_PLACEHOLDER = re.compile(r"<(\w+):(\d+):(\w+)>")


def resolve_read(request: ReadRequest, rows: Rows) -> ReadRequest:
    """Return the request with the ids of a dataset in place of placeholders."""

    def resolve_text(value: str) -> str:
        return _PLACEHOLDER.sub(lambda match: rows[match[1]][int(match[2]) % len(rows[match[1]])][match[3]], value)

    filters = tuple(
        (name, [resolve_text(text) for text in value] if isinstance(value, list) else value)
        for name, value in request.filters
    )
    parent = None if request.parent is None else (request.parent[0], resolve_text(request.parent[1]))
    key = tuple(resolve_text(text) for text in request.key)
    return replace(request, path=resolve_text(request.path), parent=parent, key=key, filters=filters)


@st.composite
def read_requests(draw: Any) -> ReadRequest:
    """Draw a read request."""
    request = draw(st.one_of(list_requests(), list_requests(), item_requests()))
    includes = draw(st.lists(relation_paths(request.plural), max_size=3))
    names = list(_field_names(request.plural))
    for path in includes:
        plural, prefix = request.plural, ""
        for relation in path.split("."):
            plural, prefix = RELATIONS[plural][relation][0], f"{prefix}{relation}."
            names += [prefix + name for name in _field_names(plural)]
    fields = draw(st.none() | st.lists(st.sampled_from(names), min_size=1, max_size=5))
    return ReadRequest(
        **{
            **vars(request),
            "includes": tuple(includes),
            "fields": None if fields is None else tuple(fields),
        }
    )


@st.composite
def relation_paths(draw: Any, plural: str) -> str:
    """Draw a path of relations, up to four deep."""
    relations = []
    for _ in range(draw(st.integers(1, DEPTH))):
        relation = draw(st.sampled_from(sorted(RELATIONS[plural])))
        relations.append(relation)
        plural = RELATIONS[plural][relation][0]
    return ".".join(relations)


@st.composite
def list_requests(draw: Any) -> ReadRequest:
    """Draw a request for a list."""
    project, user = draw(_ids("projects")), draw(_ids("users"))
    plural, path, parent = draw(
        st.sampled_from(
            [
                ("users", "/users", None),
                ("posts", "/posts", None),
                ("projects", "/projects", None),
                ("tasks", "/tasks", None),
                ("tasks", f"/projects/{project}/tasks", ("projects", project)),
                ("members", f"/projects/{project}/members", ("projects", project)),
                ("posts", f"/users/{user}/posts", ("users", user)),
            ]
        )
    )
    sort_options = [sign + name for name in SORT_FIELDS[plural] for sign in ("", "-")]
    sort = draw(st.sampled_from(["", *sort_options]))
    limit = draw(st.sampled_from([1, 2, 3, 7, 20, 100]))
    filters = draw(_filters(plural))
    return ReadRequest(plural, path, sort=sort, limit=limit, parent=parent, filters=tuple(filters.items()))


@st.composite
def item_requests(draw: Any) -> ReadRequest:
    """Draw a request for one row, which may belong to others or be missing."""
    plural = draw(st.sampled_from(sorted(RELATIONS)))
    if plural == "members":
        number = draw(st.integers(0, 99))
        project_id = f"<members:{number}:projectId>"
        member_key = (draw(st.just(project_id) | _ids("projects")), f"<members:{number}:userId>")
        return ReadRequest(plural, f"/projects/{member_key[0]}/members/{member_key[1]}", key=member_key)
    key = (draw(_ids(plural)),)
    return ReadRequest(plural, f"/{plural}/{key[0]}", key=key)


def _ids(plural: str) -> st.SearchStrategy[str]:
    return st.integers(0, 99).map(lambda number: f"<{plural}:{number}:id>") | st.just(ABSENT)


def _field_names(plural: str) -> list[str]:
    stored = [to_camel_case(name) for name in COLUMNS[plural].split(", ")]
    return [*stored, *(["myRole"] if plural == "projects" else [])]


def _filters(plural: str) -> st.SearchStrategy[dict[str, Any]]:
    user_ids = st.lists(_ids("users") | st.just("me"), min_size=1, max_size=4)
    search_words = st.lists(st.sampled_from(["paint", "A", "%", "_", "it", "\\", "ship", "100"]), max_size=2)
    strategies: dict[str, st.SearchStrategy[Any]] = {}
    if plural in ("projects", "tasks"):
        strategies["q"] = search_words.map(" ".join)
    if plural == "posts":
        strategies["userId"] = user_ids
    for resource, name in RANKS:
        if resource == plural:
            strategies[name] = st.lists(st.sampled_from(RANKS[resource, name]), min_size=1, max_size=3)
    if plural == "tasks":
        strategies |= {
            "status": st.lists(st.sampled_from(STATUSES), min_size=1, max_size=3),
            "priority": st.lists(st.sampled_from(PRIORITIES), min_size=1, max_size=3),
            "assigneeId": user_ids,
            "tag": st.lists(st.sampled_from(TAGS), min_size=1, max_size=3),
            "dueBefore": st.sampled_from(DUE_DATES),
            "dueAfter": st.sampled_from(DUE_DATES),
        }
    return st.fixed_dictionaries({}, optional=strategies)
