"""How lists are sorted, and the condition by which the page after a cursor begins (keyset pagination)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from monynha.engine.query.selection import Order, Selection
from monynha.engine.query.sql_fragments import bind_type
from monynha.engine.schema.resource import Resource


@dataclass(frozen=True, slots=True)
class SortKey:
    """One of the values that a list is sorted by: its SQL expression, and the type it is compared as."""

    expression: str
    type: str
    is_nullable: bool = False


def sort_keys(resource: Resource, order: Order, alias: str) -> list[SortKey]:
    """Return what a list is sorted by: the field, or the rank of its choice, then the primary key."""
    field = resource.fields[order.field]
    column = field.column
    assert column is not None, f"{order.field} is computed and cannot be sorted by"
    first_key = SortKey(f"{alias}.{column.name}", bind_type(resource, column.name), bool(column.nullable))
    if field.is_ranked:
        choices = ", ".join(f"'{choice}'" for choice in field.rules.choices)
        first_key = SortKey(f"array_position(array[{choices}], {first_key.expression}::text)", "integer")
    id_keys = (SortKey(f"{alias}.{id.name}", bind_type(resource, id.name)) for id in resource.primary_key)
    return [first_key, *id_keys]


def order_by(order: Order, keys: Sequence[SortKey]) -> str:
    """Return the sort keys, all in one direction; nulls come last in both."""
    direction = " desc" if order.is_descending else ""
    # `desc nulls last` on a column that is never null would not use its index.
    nulls_last = " nulls last" if order.is_descending and keys[0].is_nullable else ""
    first_key, *ties = (f"{key.expression}{direction}" for key in keys)
    return ", ".join([f"{first_key}{nulls_last}", *ties])


def after_condition(selection: Selection, keys: Sequence[SortKey], bind: Callable[[str], str]) -> str:
    """Return the condition that a row comes after the one with the sort values `selection.after`."""
    first_key, *ties = keys
    is_null = f"{first_key.expression} is null"
    comparison = "<" if selection.order.is_descending else ">"
    if selection.after[0] is None:
        return f"({is_null} and {_row_comparison(ties, comparison, bind)})"
    # A row comparison can use the index; nulls, which come last, need a condition of their own.
    row_comparison = _row_comparison(keys, comparison, bind)
    is_nullable = selection.resource.fields[selection.order.field].is_nullable
    return f"({row_comparison} or {is_null})" if is_nullable else row_comparison


def _row_comparison(keys: Sequence[SortKey], comparison: str, bind: Callable[[str], str]) -> str:
    expressions = ", ".join(key.expression for key in keys)
    return f"({expressions}) {comparison} ({', '.join(bind(key.type) for key in keys)})"
