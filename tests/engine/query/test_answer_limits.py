"""The declared size of a selection, and the limit on it."""

from __future__ import annotations

import pytest

from monynha.app.catalog import CATALOG
from monynha.core.errors import BadRequestError
from monynha.engine.query.answer_limits import AnswerLimits
from monynha.engine.query.compiler import Compiler
from monynha.engine.query.selection import (
    BatchItem,
    PageField,
    SelectedField,
    SelectedRelation,
    Selection,
    SelectionBatch,
)

TASKS, PROJECTS = CATALOG.resources["tasks"], CATALOG.resources["projects"]


def descriptions(count: int, limit: int = 100) -> Selection:
    """Return a list of tasks that shows the description under so many labels."""
    return Selection(TASKS, tuple(SelectedField(f"a{number}", "description") for number in range(count)), limit=limit)


def test_size_is_rows_times_declared_lengths_with_each_alias_counted() -> None:
    assert descriptions(3).max_characters() == 100 * 3 * 100_000
    assert Selection(TASKS, ("id", "title"), limit=7).max_characters() == 7 * (36 + 500)


def test_nested_rows_and_pages_are_counted_by_their_limits() -> None:
    tasks = CATALOG.relations_of(PROJECTS)["tasks"]
    listed = Selection(PROJECTS, ("id",), (SelectedRelation("tasks", tasks, descriptions(1, 10)),), limit=5)
    page = Selection(TASKS, (), page=(PageField("nodes", "nodes", descriptions(2)), PageField("n", "total")), limit=3)
    row = Selection(PROJECTS, ("id",), key=(None,))

    assert listed.max_characters() == 5 * (36 + 10 * 100_000)
    assert page.max_characters() == 3 * 2 * 100_000
    assert row.max_characters() == 36
    batch = SelectionBatch((BatchItem("a", listed), BatchItem("b", page), BatchItem("c", text="Query")))
    assert batch.max_characters() == listed.max_characters() + page.max_characters()


def test_five_hundred_tasks_with_descriptions_are_allowed_and_thirteen_aliases_of_a_hundred_are_not() -> None:
    limits = AnswerLimits()
    limits.check(Selection(TASKS, TASKS.field_names, limit=500))
    limits.check(descriptions(12))

    with pytest.raises(BadRequestError, match=r"130000000.*128000000") as error:
        limits.check(descriptions(13))
    assert error.value.details == {"limit": 128_000_000, "cost": 130_000_000, "of": "characters"}
    with pytest.raises(BadRequestError):
        Compiler().prepare(descriptions(13))
    with pytest.raises(BadRequestError):
        limits.check(descriptions(7), descriptions(6))


def test_only_statements_that_could_be_too_large_count_their_bytes() -> None:
    compiler = Compiler(AnswerLimits(max_bytes=32_000_000))
    board = Selection(TASKS, TASKS.field_names, limit=50)

    assert "count_answer_bytes" not in compiler.compile(board).text
    assert "count_answer_bytes" in compiler.compile(descriptions(1)).text
