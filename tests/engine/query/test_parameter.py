"""Prepared queries: executions resolve the parameters among the binds, and split results without parsing them."""

from __future__ import annotations

from uuid import uuid4

import pytest

from monynha.app.catalog import CATALOG
from monynha.core.errors import NotFoundError
from monynha.engine.query.compiler import Compiler
from monynha.engine.query.parameter import JsonRow, Page, Parameter, PreparedQuery, resolve_value
from monynha.engine.query.selection import Condition, Scope, SelectedRelation, Selection

PROJECTS, TASKS = CATALOG.resources["projects"], CATALOG.resources["tasks"]


def test_bind_resolves_parameters_and_keeps_constants() -> None:
    query: PreparedQuery[dict[str, int]] = PreparedQuery(
        "select $1, $2, $3", (Parameter(lambda source: source["a"]), 7, None), is_light=True, cost=1, scope_name="task"
    )

    assert query.bind({"a": 1}) == [1, 7, None]
    assert query.bind({"a": 2}) == [2, 7, None]


def test_only_a_parameter_is_resolved() -> None:
    parameter: Parameter[str] = Parameter(str.upper)

    assert resolve_value(parameter, "a") == "A"
    assert resolve_value("b", "a") == "b"


def test_selections_with_a_parameter_and_with_its_value_share_a_statement() -> None:
    compiler, project_id = Compiler(), uuid4()
    parameter: Parameter[object] = Parameter(lambda source: source)
    selection = Selection(
        TASKS, ("id",), where=(Condition("eq", ("projectId",), parameter),), scope=Scope(PROJECTS, parameter)
    )

    prepared: PreparedQuery[object] = compiler.prepare(selection)
    resolved: PreparedQuery[object] = compiler.prepare(selection.resolve(project_id))

    assert prepared.text == resolved.text
    assert prepared.bind(project_id) == resolved.bind(None) == [project_id, project_id]


def test_resolve_reaches_nested_selections() -> None:
    parameter: Parameter[str] = Parameter(str.upper)
    tasks = Selection(TASKS, ("id",), where=(Condition("in", ("status",), parameter),))
    relation = CATALOG.relations_of(PROJECTS)["tasks"]
    projects = Selection(PROJECTS, ("id",), (SelectedRelation("tasks", relation, tasks),), key=(parameter,))

    resolved = projects.resolve("a")

    assert [*resolved.bind_values()] == ["A", "A"]


def test_row_is_split_after_its_version() -> None:
    assert JsonRow.parse(b'[12, {"a":[1, 2]}]', "task") == JsonRow(12, b'{"a":[1, 2]}')


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (b"[null, null, []]", Page(None, None, b"[]")),
        (b'[3, null, [{"a":"x, y"}]]', Page(3, None, b'[{"a":"x, y"}]')),
        (b'[null, "5b315d", [{"a":1}, {"a":2}]]', Page(None, b"[1]", b'[{"a":1}, {"a":2}]')),
    ],
)
def test_page_is_split_after_total_and_sort_values(result: bytes, expected: Page) -> None:
    assert Page.parse(result, "project") == expected


def test_missing_result_is_not_found() -> None:
    with pytest.raises(NotFoundError, match=r"^Task not found\.$"):
        JsonRow.parse(None, "task")
    with pytest.raises(NotFoundError, match=r"^Project not found\.$"):
        Page.parse(None, "project")
