"""Small SQL expressions: identifiers, literals, bind types, and the JSON value of a field."""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import DateTime, String
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.engine import Dialect

from monynha.engine.schema.columns import ColumnType
from monynha.engine.schema.resource import Field, Resource

TIMESTAMP_FORMAT = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
"""RFC 3339 in UTC with six fraction digits, as `to_char` writes it."""
_DIALECT: Dialect = asyncpg.dialect()  # type: ignore[no-untyped-call]


def quote_identifier(name: str) -> str:
    """Return a name as a quoted identifier; ValueError if it contains a quotation mark."""
    if '"' in name:
        raise ValueError("An identifier must not contain a quotation mark.")
    return f'"{name}"'


def column_name(resource: Resource, field_name: str) -> str:
    """Return the name of the column behind a field."""
    column = resource.fields[field_name].column
    assert column is not None, f"{field_name} is computed and has no column"
    return column.name


@lru_cache(2000)
def bind_type(resource: Resource, column: str) -> str:
    """Return the SQL type that a bind is cast to if its value is written to a column or compared with it."""
    column_type = resource.table.columns[column].type
    # A cast to varchar(n) would truncate silently; as text, a value that is too long is refused by the column.
    if isinstance(column_type, String):
        return "text"
    name = column_type.compile(dialect=_DIALECT).lower()
    # Times are sent as text, because asyncpg encodes the earliest and the latest time as infinity.
    return f"text::{name}" if isinstance(column_type, DateTime) else name


def field_sql(field: Field, alias: str) -> str:
    """Return the expression for a field as JSON shows it, given the alias of its table or view."""
    if field.expression is not None:
        return field.expression(alias)
    # A field without an expression is stored in a column.
    assert field.column is not None
    value = f"{alias}.{field.column.name}"
    return f"to_char({value}, '{TIMESTAMP_FORMAT}')" if field.rules.type is ColumnType.TIMESTAMP else value


def text_literal(value: str) -> str:
    """Return an identifier of ours, such as a GraphQL type's name, as a text literal."""
    if not value.isidentifier():
        raise ValueError("Only letters, digits and underscores may be written into a statement.")
    return f"'{value}'::text"
