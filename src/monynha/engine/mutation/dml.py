"""The SQL of writes (DML): inserts, updates and deletes of a resource's rows, and what they return."""

from __future__ import annotations

from functools import lru_cache

from monynha.engine.query.selection import SelectedField
from monynha.engine.query.sql_fragments import bind_type, field_sql, quote_identifier, text_literal
from monynha.engine.schema.columns import ColumnRules
from monynha.engine.schema.resource import Resource


@lru_cache(2000)
def insert_sql(
    resource: Resource,
    columns: tuple[str, ...],
    *,
    first_bind: int,
    guard: str = "",
    returning: tuple[SelectedField, ...] = (),
) -> str:
    """Return an insert that returns `[version, row]` and the id; it inserts only if the guard (a condition) is true.

    The row has the fields of `returning`, or all stored fields if that is empty.
    """
    table = resource.table
    sources_by_column: dict[str, list[str]] = {}
    for index, name in enumerate(columns, first_bind):
        column, value = _insert_source(resource, name, index)
        sources_by_column.setdefault(column, []).append(value)
    sources = [
        values[0] if len(values) == 1 else f"coalesce({', '.join(values)})" for values in sources_by_column.values()
    ]
    where = f" where {guard}" if guard else ""
    return (
        f"insert into public.{table.name} ({', '.join(sources_by_column)}) select {', '.join(sources)}{where} "
        f"returning {_returning_sql(resource, returning)}, {table.name}.{resource.id_column.name}::text"
    )


@lru_cache(2000)
def update_sql(
    resource: Resource, columns: tuple[str, ...], *, with_version: bool, returning: tuple[SelectedField, ...] = ()
) -> str:
    """Return an update by primary key that returns `[version, row]`; it binds values, key and versions."""
    assignments = [f"{name} = ${index}::{bind_type(resource, name)}" for index, name in enumerate(columns, 1)]
    return (
        f"update public.{resource.table.name} set {', '.join(assignments)} "
        f"where {_where(resource, len(columns) + 1, with_version=with_version)} "
        f"returning {_returning_sql(resource, returning)}"
    )


@lru_cache(2000)
def lock_sql(
    resource: Resource, columns: tuple[str, ...] = (), *, with_version: bool, returning: tuple[SelectedField, ...] = ()
) -> str:
    """Return `select for update`, for an update without columns: it must pass the same policies as an update."""
    return (
        f"select {_returning_sql(resource, returning)} from public.{resource.table.name} "
        f"where {_where(resource, 1, with_version=with_version)} for update"
    )


def delete_sql(resource: Resource, *, with_version: bool) -> str:
    """Return a delete by primary key; it binds key and versions."""
    return f"delete from public.{resource.table.name} where {_where(resource, 1, with_version=with_version)}"


def version_sql(resource: Resource) -> str:
    """Return a select for the version of a row, by primary key."""
    return f"select version from public.{resource.table.name} where {_where(resource, 1, with_version=False)}"


def _where(resource: Resource, first_bind: int, *, with_version: bool) -> str:
    conditions = [f"{column.name} = ${index}::uuid" for index, column in enumerate(resource.primary_key, first_bind)]
    if with_version:
        conditions.append(f"version = any (${first_bind + len(resource.primary_key)}::bigint[])")
    return " and ".join(conditions)


def _insert_source(resource: Resource, name: str, index: int) -> tuple[str, str]:
    """Return the column that an input is written to, and the expression for its value."""
    columns = resource.table.columns
    if name in columns:
        return name, f"${index}::{bind_type(resource, name)}"
    for column in columns:
        rules: ColumnRules = column.info["rules"]
        if rules.lookup is not None and rules.lookup.input_name == name:
            return column.name, f"public.{rules.lookup.sql_function}(${index}::text)"
    raise KeyError(name)


def _returning_sql(resource: Resource, returning: tuple[SelectedField, ...]) -> str:
    fields = returning or tuple(
        SelectedField(field.name, field.name) for field in resource.fields.values() if field.is_stored
    )
    columns = ", ".join(f"{_field_sql(resource, field)} as {quote_identifier(field.label)}" for field in fields)
    row = quote_identifier("returned row")
    return f"json_build_array({resource.table.name}.version, (select row_to_json({row}) from (select {columns}) {row}))"


def _field_sql(resource: Resource, field: SelectedField) -> str:
    if not field.name:
        return text_literal(field.text)
    return field_sql(resource.fields[field.name], resource.table.name)
