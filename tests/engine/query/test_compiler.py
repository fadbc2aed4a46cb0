"""The compiler: one statement per shape, values that are always bound, and a bounded cache."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from monynha.app.composition.catalog import CATALOG
from monynha.core.actor import Actor, ActorKind
from monynha.engine.query.compiler import Compiler
from monynha.engine.query.selection import Selection
from monynha.protocols.rest.query_params import QueryParamParser

ACTOR = Actor(ActorKind.USER, uuid4())
PARSER = QueryParamParser(CATALOG)


def parse_list(plural: str = "tasks", **query: str) -> Selection:
    """Return the selection of a list's query."""
    return PARSER.parse_list(CATALOG.resources[plural], query, ACTOR)


@pytest.mark.parametrize(
    ("query", "other_query"),
    [
        ({"status": "todo"}, {"status": "done,review"}),
        ({"q": "a"}, {"q": "b c d"}),
        ({"dueBefore": "2026-01-01T00:00:00Z"}, {"dueBefore": "2027-01-01T00:00:00Z"}),
        ({"assigneeId": "me"}, {"assigneeId": str(uuid4())}),
        ({"tag": "a"}, {"tag": "b"}),
    ],
)
def test_selections_that_differ_only_in_values_share_a_statement(
    query: dict[str, str], other_query: dict[str, str]
) -> None:
    compiler = Compiler()

    assert compiler.compile(parse_list(**query)) is compiler.compile(parse_list(**other_query))


SHAPES: list[dict[str, Any]] = [
    {},
    {"limit": "21"},
    {"sort": "createdAt"},
    {"sort": "title"},
    {"fields": "title"},
    {"include": "project"},
    {"include": "project.owner"},
    {"include": "assignee"},
    {"count": "exact"},
    {"status": "todo"},
    {"tag": "a"},
    {"dueBefore": "2026-01-01T00:00:00Z"},
    {"dueAfter": "2026-01-01T00:00:00Z"},
]


def test_selections_of_different_shapes_have_different_statements() -> None:
    compiler = Compiler()

    texts = {compiler.compile(parse_list(**shape)).text for shape in SHAPES}
    texts |= {compiler.compile(parse_list(**shape), within_transaction=True).text for shape in SHAPES}

    assert len(texts) == 2 * len(SHAPES)


def test_statement_contains_no_value_of_the_client() -> None:
    values = {
        "q": "zzq' --",
        "tag": "zzt' --",
        "assigneeId": str(uuid4()),
        "dueAfter": "2031-05-05T00:00:00Z",
    }
    selection = parse_list(**values, status="done", include="assignee,project")

    statement = Compiler().compile(selection)

    for value in ("zzq", "zzt", values["assigneeId"], "2031"):
        assert value not in statement.text
    bound = str(statement.arrange_binds(selection.bind_values()))
    assert all(mark in bound for mark in ("zzq", "zzt", values["assigneeId"], "2031"))


@pytest.mark.parametrize("plural", CATALOG.resources)
def test_every_bind_is_a_value_of_the_selection(plural: str) -> None:
    for name in CATALOG.relations[plural]:
        selection = parse_list(plural, include=name)
        statement = Compiler().compile(selection)

        assert sorted(statement.bind_order) == [*range(len([*selection.bind_values()]))]
        assert f"${4 + len(statement.bind_order)}" not in statement.text


def test_cache_holds_at_most_its_maximum_size() -> None:
    compiler = Compiler(max_size=10)

    for limit in range(1, 60):
        compiler.compile(parse_list(limit=str(limit)))

    assert len(compiler._statements) == 10


def test_frequently_used_statement_stays_cached() -> None:
    compiler = Compiler(max_size=10)
    statement = compiler.compile(parse_list())

    for limit in range(21, 60):
        compiler.compile(parse_list(limit=str(limit)))
        compiler.compile(parse_list())

    assert statement is compiler.compile(parse_list())
