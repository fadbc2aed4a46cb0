"""SQL fragments: nothing that a client sends can end an identifier or a literal."""

from __future__ import annotations

import pytest

from monynha.app.composition.catalog import CATALOG
from monynha.engine.query.sql_fragments import bind_type, column_name, field_sql, quote_identifier, text_literal

TASKS, PROJECTS = CATALOG.resources["tasks"], CATALOG.resources["projects"]


@pytest.mark.parametrize("name", ["select", "a b", "a;b", "ä", "'"])
def test_identifier_is_quoted(name: str) -> None:
    assert quote_identifier(name) == f'"{name}"'


def test_identifier_with_a_quotation_mark_is_rejected() -> None:
    with pytest.raises(ValueError, match="quotation mark"):
        quote_identifier('a"b')


@pytest.mark.parametrize("value", ["a'b", "a b", "", "1a", "a\\"])
def test_text_that_is_not_an_identifier_is_rejected(value: str) -> None:
    with pytest.raises(ValueError, match="letters, digits and underscores"):
        text_literal(value)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("id", "uuid"),
        ("title", "text"),
        ("due_date", "text::timestamp with time zone"),
        ("tags", "text[]"),
        ("version", "bigint"),
    ],
)
def test_bind_is_cast_to_the_type_of_its_column(column: str, expected: str) -> None:
    assert bind_type(TASKS, column) == expected


def test_timestamp_is_formatted_and_computed_field_is_an_expression() -> None:
    assert field_sql(TASKS.fields["title"], "t") == "t.title"
    assert field_sql(TASKS.fields["dueDate"], "t").startswith("to_char(t.due_date, ")
    assert field_sql(PROJECTS.fields["myRole"], "p") != "p.my_role"


def test_computed_field_has_no_column() -> None:
    with pytest.raises(AssertionError, match="myRole is computed"):
        column_name(PROJECTS, "myRole")
