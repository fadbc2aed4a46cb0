"""The compiler: one statement per shape, values always bound, and no more remembered than it may."""

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
    ("one", "other"),
    [
        ({"status": "todo"}, {"status": "done,review"}),
        ({"q": "a"}, {"q": "b c d"}),
        ({"dueBefore": "2026-01-01T00:00:00Z"}, {"dueBefore": "2027-01-01T00:00:00Z"}),
        ({"assigneeId": "me"}, {"assigneeId": str(uuid4())}),
        ({"tag": "a"}, {"tag": "b"}),
    ],
)
def test_questions_that_differ_in_values_are_one_statement(one: dict[str, str], other: dict[str, str]) -> None:
    compiler = Compiler()

    assert compiler.compile(parse_list(**one)) is compiler.compile(parse_list(**other))


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


def test_questions_of_other_shapes_are_other_statements() -> None:
    compiler = Compiler()

    texts = {compiler.compile(parse_list(**shape)).text for shape in SHAPES}
    texts |= {compiler.compile(parse_list(**shape), within_transaction=True).text for shape in SHAPES}

    assert len(texts) == 2 * len(SHAPES)


def test_no_value_of_anybody_stands_in_a_statement() -> None:
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


def test_no_more_is_remembered_than_it_may() -> None:
    compiler = Compiler(max_size=10)

    for limit in range(1, 60):
        compiler.compile(parse_list(limit=str(limit)))

    assert len(compiler._statements) == 10


def test_what_is_asked_often_stays_remembered() -> None:
    compiler = Compiler(max_size=10)
    statement = compiler.compile(parse_list())

    for limit in range(21, 60):
        compiler.compile(parse_list(limit=str(limit)))
        compiler.compile(parse_list())

    assert statement is compiler.compile(parse_list())
