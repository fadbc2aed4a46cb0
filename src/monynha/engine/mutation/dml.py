"""The SQL of writes: inserts, updates and deletes over a resource's own columns."""

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
    """Return an insert that answers `[version, row]` and the own key; `guard` is its source's condition.

    The row shows what is named by `shown`, all its own columns where nothing is.
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
def update_sql(resource: Resource, columns: tuple[str, ...], *, with_version: bool) -> str:
    """Return an update by key that answers `[version, row]`; it binds values, key, version."""
    table = resource.table
    changes = [f"{name} = ${index}::{bind_type(resource, name)}" for index, name in enumerate(columns, 1)]
    where = _where_clause(resource, len(columns) + 1, with_version=with_version)
    return f"update public.{table.name} set {', '.join(changes)} where {where} returning {_returning_sql(resource)}"


def delete_sql(resource: Resource, *, with_version: bool) -> str:
    """Return a delete by key."""
    return f"delete from public.{resource.table.name} where {_where_clause(resource, 1, with_version=with_version)}"


def lock_sql(resource: Resource, *, with_version: bool) -> str:
    """Return what locks a row for an update: it passes the same policies as the update itself."""
    where = _where_clause(resource, 1, with_version=with_version)
    return f"select {_returning_sql(resource)} from public.{resource.table.name} where {where} for update"


def version_sql(resource: Resource) -> str:
    """Return what tells a row's version, if it is seen at all."""
    return f"select version from public.{resource.table.name} where {_where_clause(resource, 1, with_version=False)}"


def _where_clause(resource: Resource, first_bind: int, *, with_version: bool) -> str:
    conditions = [f"{one.name} = ${index}::uuid" for index, one in enumerate(resource.primary_key, first_bind)]
    if with_version:
        conditions.append(f"version = any (${first_bind + len(resource.primary_key)}::bigint[])")
    return " and ".join(conditions)


def _insert_source(resource: Resource, name: str, index: int) -> tuple[str, str]:
    columns = resource.table.columns
    if name in columns:
        return name, f"${index}::{bind_type(resource, name)}"
    for column in columns:
        rules: ColumnRules = column.info["rules"]
        if rules.lookup is not None and rules.lookup[0] == name:
            return column.name, f"public.{rules.lookup[1]}(${index}::text)"
    raise KeyError(name)


def _returning_sql(resource: Resource, nodes: tuple[SelectedField, ...] = ()) -> str:
    stored_fields = [
        SelectedField(one.name, one.name)
        for one in resource.fields.values()
        if one.column is not None and one.rules.read_via_view is None
    ]
    columns = ", ".join(
        f"{_field_sql(resource, one)} as {quote_identifier(one.label)}" for one in nodes or stored_fields
    )
    row_sql = f"select row_to_json(shown) from (select {columns}) shown"
    return f"json_build_array({resource.table.name}.version, ({row_sql}))"


def _field_sql(resource: Resource, node: SelectedField) -> str:
    return field_sql(resource.fields[node.name], resource.table.name) if node.name else text_literal(node.text)
