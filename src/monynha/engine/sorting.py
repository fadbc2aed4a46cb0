"""How lists are sorted, and where in that order the next page begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from monynha.engine.expressions import kind_of
from monynha.engine.resource import Resource
from monynha.engine.selection import Order, Selection


@dataclass(frozen=True, slots=True)
class Sort:
    """One of the values that a list is sorted by: its expression, and the type it is compared as."""

    value: str
    kind: str
    may_be_null: bool = False


def sort_columns(resource: Resource, order: Order, rows: str) -> list[Sort]:
    """Return what a list is sorted by: the field, or its rank, then the primary key."""
    sorted_by = resource.fields[order.field]
    column = sorted_by.column
    assert column is not None, f"{order.field} is derived"
    by = Sort(f"{rows}.{column.name}", kind_of(resource, column.name), bool(column.nullable))
    if sorted_by.is_ranked:
        words = ", ".join(f"'{word}'" for word in sorted_by.rules.choices)
        by = Sort(f"array_position(array[{words}], {by.value}::text)", "integer")
    return [by, *(Sort(f"{rows}.{one.name}", kind_of(resource, one.name)) for one in resource.key)]


def ordering(order: Order, sort: Sequence[Sort]) -> str:
    """Return the sort values each with its direction; nulls come last both ways."""
    way = " desc" if order.is_descending else ""
    # `desc nulls last` on a column that is never null would miss its index.
    last = " nulls last" if order.is_descending and sort[0].may_be_null else ""
    first, *ties = (f"{one.value}{way}" for one in sort)
    return ", ".join([f"{first}{last}", *ties])


def beyond_mark(selection: Selection, sort: Sequence[Sort], bind: Callable[[str], str]) -> str:
    """Return the condition that a row comes after the one whose sort values are given."""
    first, *ties = sort
    is_null = f"{first.value} is null"
    sign = "<" if selection.order.is_descending else ">"
    if selection.after[0] is None:
        return f"({is_null} and {_beyond(ties, sign, bind)})"
    plain = _beyond(sort, sign, bind)
    # A row comparison reaches the index; nulls, which come last, stand beside it.
    is_nullable = selection.resource.fields[selection.order.field].nullable
    return f"({plain} or {is_null})" if is_nullable else plain


def _beyond(sort: Sequence[Sort], sign: str, bind: Callable[[str], str]) -> str:
    values = ", ".join(one.value for one in sort)
    return f"({values}) {sign} ({', '.join(bind(one.kind) for one in sort)})"
