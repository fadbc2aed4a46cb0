"""The SQL of writes: inserts, updates and deletes over a resource's own columns."""

from __future__ import annotations

from functools import lru_cache

from monynha.engine.expressions import as_shown, kind_of, quoted, text
from monynha.engine.model import Rules
from monynha.engine.resource import Resource
from monynha.engine.selection import Leaf


@lru_cache(2000)
def insert_sql(
    resource: Resource,
    columns: tuple[str, ...],
    *,
    first_bind: int,
    guard: str = "",
    shown: tuple[Leaf, ...] = (),
) -> str:
    """Return an insert that answers `[version, row]` and the own key; `guard` is its source's condition.

    The row shows what is named by `shown`, all its own columns where nothing is.
    """
    table = resource.table
    targets: dict[str, list[str]] = {}
    for index, name in enumerate(columns, first_bind):
        target, value = _source(resource, name, index)
        targets.setdefault(target, []).append(value)
    sources = [
        values[0] if len(values) == 1 else f"coalesce({', '.join(values)})" for values in targets.values()
    ]
    where = f" where {guard}" if guard else ""
    return (
        f"insert into public.{table.name} ({', '.join(targets)}) select {', '.join(sources)}{where} "
        f"returning {_answer(resource, shown)}, {table.name}.{resource.own_key.name}::text"
    )


@lru_cache(2000)
def update_sql(resource: Resource, columns: tuple[str, ...], *, with_version: bool) -> str:
    """Return an update by key that answers `[version, row]`; it binds values, key, version."""
    table = resource.table
    changes = [f"{name} = ${index}::{kind_of(resource, name)}" for index, name in enumerate(columns, 1)]
    where = _where(resource, len(columns) + 1, with_version=with_version)
    return f"update public.{table.name} set {', '.join(changes)} where {where} returning {_answer(resource)}"


def delete_sql(resource: Resource, *, with_version: bool) -> str:
    """Return a delete by key."""
    return f"delete from public.{resource.table.name} where {_where(resource, 1, with_version=with_version)}"


def lock_sql(resource: Resource, *, with_version: bool) -> str:
    """Return what locks a row for an update: it passes the same policies as the update itself."""
    where = _where(resource, 1, with_version=with_version)
    return f"select {_answer(resource)} from public.{resource.table.name} where {where} for update"


def version_sql(resource: Resource) -> str:
    """Return what tells a row's version, if it is seen at all."""
    return f"select version from public.{resource.table.name} where {_where(resource, 1, with_version=False)}"


def _where(resource: Resource, first_bind: int, *, with_version: bool) -> str:
    conditions = [f"{one.name} = ${index}::uuid" for index, one in enumerate(resource.key, first_bind)]
    if with_version:
        conditions.append(f"version = any (${first_bind + len(resource.key)}::bigint[])")
    return " and ".join(conditions)


def _source(resource: Resource, name: str, index: int) -> tuple[str, str]:
    columns = resource.table.columns
    if name in columns:
        return name, f"${index}::{kind_of(resource, name)}"
    for column in columns:
        rules: Rules = column.info["rules"]
        if rules.found_by is not None and rules.found_by[0] == name:
            return column.name, f"public.{rules.found_by[1]}(${index}::text)"
    raise KeyError(name)


def _answer(resource: Resource, shown: tuple[Leaf, ...] = ()) -> str:
    own = [
        Leaf(one.name, one.name)
        for one in resource.fields.values()
        if one.column is not None and one.rules.seen_through is None
    ]
    columns = ", ".join(f"{_value(resource, one)} as {quoted(one.label)}" for one in shown or own)
    row = f"select row_to_json(shown) from (select {columns}) shown"
    return f"json_build_array({resource.table.name}.version, ({row}))"


def _value(resource: Resource, leaf: Leaf) -> str:
    return as_shown(resource.fields[leaf.name], resource.table.name) if leaf.name else text(leaf.text)
