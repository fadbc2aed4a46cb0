"""Which selections are light: they are fast whatever is stored, and may share their connection."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from monynha.app.composition.catalog import CATALOG
from monynha.engine.query.selection import (
    BatchItem,
    Condition,
    PageField,
    SelectedRelation,
    Selection,
    SelectionBatch,
)

PROJECTS, TASKS = (CATALOG.resources[name] for name in ("projects", "tasks"))
LIST = Selection(TASKS, ("id",))
TASKS_OF_PROJECT = CATALOG.relations_of(PROJECTS)["tasks"]


def projects(tasks: Selection, limit: int = 20) -> Selection:
    """Return projects with their tasks."""
    return Selection(PROJECTS, ("id",), (SelectedRelation("tasks", TASKS_OF_PROJECT, tasks),), limit=limit)


@pytest.mark.parametrize(
    "selection",
    [
        Selection(TASKS, ("id",), key=(uuid4(),)),
        LIST,
        replace(LIST, limit=100),
        replace(LIST, where=(Condition("in", ("status",), ["todo"]),)),
        replace(LIST, after=("2026-01-31T09:00:00Z", uuid4())),
        projects(replace(LIST, limit=5)),
        SelectionBatch((BatchItem("a", LIST), BatchItem("b", LIST), BatchItem("c", text="Query"))),
    ],
)
def test_few_rows_found_by_an_index_are_light(selection: Selection | SelectionBatch) -> None:
    assert selection.is_light


HEAVY = [
    replace(LIST, where=(Condition("search", ("title",), ["%a%"]),)),
    replace(LIST, where=(Condition("overlaps", ("tags",), ["a"]),)),
    replace(LIST, with_total=True),
    replace(LIST, offset=1000),
    replace(LIST, page=(PageField("total", "total"),)),
    replace(LIST, page=(PageField("nodes", "nodes", replace(LIST, with_total=True)),)),
]


@pytest.mark.parametrize("selection", HEAVY)
def test_searching_counting_or_skipping_is_not_light_at_any_depth(selection: Selection) -> None:
    assert not selection.is_light
    assert not projects(selection, limit=1).is_light
    assert not SelectionBatch((BatchItem("a", LIST), BatchItem("b", selection))).is_light


def test_many_rows_are_not_light() -> None:
    assert not projects(LIST).is_light
    assert not SelectionBatch(tuple(BatchItem(name, replace(LIST, limit=100)) for name in "abc")).is_light
