"""The compiler: one statement per shape, values always bound, and no more remembered than it may."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from monynha.app.catalog import CATALOG
from monynha.core.actor import Actor, ActorKind
from monynha.engine.compiler import Compiler
from monynha.engine.selection import Selection
from monynha.protocols.rest.question import Questions

ACTOR = Actor(ActorKind.USER, uuid4())
QUESTIONS = Questions(CATALOG)


def asked(plural: str = "tasks", **query: str) -> Selection:
    """Return the selection of a list's query."""
    return QUESTIONS.list(CATALOG.resources[plural], query, ACTOR)


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
def test_questions_that_differ_in_values_are_one_statement(
    one: dict[str, str], other: dict[str, str]
) -> None:
    compiler = Compiler()

    assert compiler.statement(asked(**one)) is compiler.statement(asked(**other))


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

    texts = {compiler.statement(asked(**shape)).text for shape in SHAPES}
    texts |= {compiler.statement(asked(**shape), within_transaction=True).text for shape in SHAPES}

    assert 2 * len(SHAPES) == len(texts)


def test_no_value_of_anybody_stands_in_a_statement() -> None:
    marks = {"q": "zzq' --", "tag": "zzt' --", "assigneeId": str(uuid4()), "dueAfter": "2031-05-05T00:00:00Z"}
    selection = asked(**marks, status="done", include="assignee,project")

    statement = Compiler().statement(selection)

    for mark in ("zzq", "zzt", marks["assigneeId"], "2031"):
        assert mark not in statement.text
    bound = str(statement.arrange(selection.binds()))
    assert all(mark in bound for mark in ("zzq", "zzt", marks["assigneeId"], "2031"))


@pytest.mark.parametrize("plural", CATALOG.resources)
def test_every_bind_is_a_value_of_the_selection(plural: str) -> None:
    for name in CATALOG.relations[plural]:
        selection = asked(plural, include=name)
        statement = Compiler().statement(selection)

        assert sorted(statement.order) == [*range(len([*selection.binds()]))]
        assert f"${4 + len(statement.order)}" not in statement.text


def test_no_more_is_remembered_than_it_may() -> None:
    compiler = Compiler(size=10)

    for limit in range(1, 60):
        compiler.statement(asked(limit=str(limit)))

    assert 10 == len(compiler._known)


def test_what_is_asked_often_stays_remembered() -> None:
    compiler = Compiler(size=10)
    often = compiler.statement(asked())

    for limit in range(21, 60):
        compiler.statement(asked(limit=str(limit)))
        compiler.statement(asked())

    assert often is compiler.statement(asked())
