"""The small expressions that statements are made of, as text."""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import DateTime, String
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.engine import Dialect

from monynha.engine.schema.columns import ColumnType
from monynha.engine.schema.resource import Field, Resource

TIMESTAMP_FORMAT = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
_DIALECT: Dialect = asyncpg.dialect()  # type: ignore[no-untyped-call]


def quote_identifier(name: str) -> str:
    """Return a name as SQL takes it, whatever its letters and whether or not SQL uses it as a word."""
    if '"' in name:
        raise ValueError("A label holds a quotation mark.")
    return f'"{name}"'


def column_name(resource: Resource, name: str) -> str:
    """Return the name of the column behind a field."""
    column = resource.fields[name].column
    assert column is not None, f"{name} is derived"
    return column.name


@lru_cache(2000)
def bind_type(resource: Resource, column: str) -> str:
    """Return the type that a bind is cast to which is to be a column's value."""
    column_type = resource.table.columns[column].type
    # A cast to varchar(n) would cut silently; as text the column itself refuses what is too long.
    if isinstance(column_type, String):
        return "text"
    name = column_type.compile(dialect=_DIALECT).lower()
    # As text: the driver takes the first and the last moment there is for infinity.
    return f"text::{name}" if isinstance(column_type, DateTime) else name


def field_sql(field: Field, alias: str) -> str:
    """Return a field as JSON shows it."""
    if field.expression is not None:
        return field.expression(alias)
    assert field.column is not None
    value = f"{alias}.{field.column.name}"
    return f"to_char({value}, '{TIMESTAMP_FORMAT}')" if field.rules.type is ColumnType.TIMESTAMP else value


def as_hex(value: str) -> str:
    """Return JSON as a text of hexadecimal digits."""
    return f"encode(convert_to({value}::text, 'UTF8'), 'hex')"


def as_base64url(value: str) -> str:
    """Return bytes in the base64 of addresses, without padding (RFC 4648 §5)."""
    return rf"translate(encode({value}, 'base64'), E'+/=\n', '-_')"


def first_rows(row_json: str, count: int) -> str:
    """Return so many of the rows that a page shows, as a JSON list."""
    return f"coalesce(array_to_json((array_agg({row_json}))[1:{count}]), '[]'::json)"


def last_sort_values(page: str, key_count: int, count: int) -> str:
    """Return the sort values of the page's last row, as a JSON list."""
    values = ", ".join(f"(array_agg({page}.mark{index}))[{count}]" for index in range(key_count))
    return f"json_build_array({values})"


def text_literal(value: str) -> str:
    """Return a name of the schema as a text."""
    if not value.isidentifier():
        raise ValueError("A type's name is letters, digits and underscores alone.")
    return f"'{value}'::text"
