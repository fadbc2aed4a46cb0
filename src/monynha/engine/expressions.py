"""The small expressions that statements are made of."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Integer, Text, cast, func, literal_column
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ColumnElement

from monynha.engine.model import Kind
from monynha.engine.resource import Field, Resource

INSTANT = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
DIALECT: Dialect = asyncpg.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


def column_name(resource: Resource, name: str) -> str:
    """Return the name of the column behind a field."""
    found = resource.fields[name].column
    assert found is not None, f"{name} is derived"
    return found.name


def as_shown(one: Field, rows: Any) -> Any:
    """Return a field as JSON shows it."""
    if one.expression is not None:
        return one.expression(rows)
    assert one.column is not None
    value = rows.c[one.column.name]
    if one.rules.kind is Kind.INSTANT:
        return func.to_char(value, literal_column(f"'{INSTANT}'"))
    return value


def as_hex(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return JSON as a text of hexadecimal digits."""
    return func.encode(func.convert_to(cast(value, Text), literal_column("'UTF8'")), literal_column("'hex'"))


def as_url_safe(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return bytes in the base64 of addresses, without padding (RFC 4648 §5)."""
    encoded = func.encode(value, literal_column("'base64'"))
    return func.translate(encoded, literal_column(r"E'+/=\n'"), literal_column("'-_'"))


def first_rows(shown: ColumnElement[Any], count: int) -> ColumnElement[Any]:
    """Return so many of the rows that a page shows, as a JSON list."""
    rows = func.array_to_json(func.array_agg(shown)[slice(number(1), number(count))])
    return func.coalesce(rows, literal_column("'[]'::json"))


def last_mark(page: Any, marks: int, count: int) -> ColumnElement[Any]:
    """Return the sort values of the page's last row, as a JSON list."""
    return func.json_build_array(
        *(func.array_agg(page.c[f"mark{index}"])[number(count)] for index in range(marks))
    )


def number(value: int) -> ColumnElement[int]:
    """Return a number that stands in the text."""
    return literal_column(str(value), Integer())


def text(text: str) -> ColumnElement[str]:
    """Return a name of the schema as a text."""
    # A type's name: letters, digits and underscores alone.
    assert text.isidentifier()
    return literal_column(f"'{text}'::text", Text())
