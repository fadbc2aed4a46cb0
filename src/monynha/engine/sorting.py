"""How lists are sorted, and where in that order the next page begins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Integer, Text, and_, cast, func, literal_column, or_, tuple_
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.sql import ColumnElement

from monynha.engine.resource import Resource
from monynha.engine.selection import Order, Selection


def sort_columns(resource: Resource, order: Order, rows: Any) -> list[ColumnElement[Any]]:
    """Return what a list is sorted by: the field, or its rank, then the primary key."""
    sorted_by = resource.fields[order.field]
    assert sorted_by.column is not None, f"{order.field} is derived"
    by = rows.c[sorted_by.column.name]
    if sorted_by.is_ranked:
        words = [literal_column(f"'{word}'", Text()) for word in sorted_by.rules.choices]
        ranks: Any = array(words)
        by = func.array_position(ranks, cast(by, Text), type_=Integer())
    return [by, *(rows.c[one.name] for one in resource.key)]


def ordering(order: Order, sort: list[ColumnElement[Any]]) -> list[ColumnElement[Any]]:
    """Return the sort values each with its direction; nulls come last both ways."""
    first, *ties = sort
    if order.is_descending:
        by = first.desc().nulls_last() if _may_be_null(first) else first.desc()
        return [by, *(one.desc() for one in ties)]
    return [first.asc(), *(one.asc() for one in ties)]


def beyond_mark(
    selection: Selection, sort: list[ColumnElement[Any]], bind: Callable[[Any], ColumnElement[Any]]
) -> ColumnElement[bool]:
    """Return the condition that a row comes after the one whose sort values are given."""
    first, *ties = sort
    value = selection.after[0]
    types = [one.type for one in sort]
    is_nullable = selection.resource.fields[selection.order.field].nullable
    known = None if value is None else bind(types[0])
    tied = [bind(one) for one in types[1:]]
    down = selection.order.is_descending
    if known is None:
        return and_(first.is_(None), _beyond(ties, tied, down))
    plain = _beyond(sort, [known, *tied], down)
    # A row comparison reaches the index; nulls, which come last, stand beside it.
    return or_(plain, first.is_(None)) if is_nullable else plain


def _may_be_null(expression: ColumnElement[Any]) -> bool:
    # `desc nulls last` on a column that is never null would miss its index.
    return bool(getattr(expression, "nullable", False))


def _beyond(
    columns: list[ColumnElement[Any]], values: list[ColumnElement[Any]], down: bool
) -> ColumnElement[bool]:
    left, right = tuple_(*columns), tuple_(*values)
    return left < right if down else left > right
