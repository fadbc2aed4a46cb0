"""Selection to SQL: one statement whose answer is the finished JSON, built once per shape.

A single row answers `[version, row]`; a list answers `[total or null, cursor or null, rows]`, so that what
the protocol needs to know stands in front and the rest passes through unopened.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    DateTime,
    Integer,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    column,
    func,
    literal_column,
    null,
    or_,
    select,
    table,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import array, asyncpg
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ColumnElement, FromClause, Select

from monynha.engine.model import Kind
from monynha.engine.resource import Field, Resource
from monynha.engine.selection import Branch, Condition, Order, Selection, Shape

INSTANT = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
DIALECT: Dialect = asyncpg.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text and, for each of its binds, which of the selection's values it takes."""

    text: str
    order: tuple[int, ...]

    def arrange(self, values: Iterable[object]) -> list[object]:
        """Return the selection's values in the order of the text's binds."""
        given = list(values)
        return [given[index] for index in self.order]


class Compiler:
    """Turns selections into statements and remembers them by shape, up to `size` of them."""

    def __init__(self, size: int = 2000) -> None:
        self._size = size
        self._known: dict[Shape, Statement] = {}

    def statement(self, selection: Selection, *, within_transaction: bool = False) -> Statement:
        """Return the statement for a selection; within a transaction the claims are set already."""
        shape = (within_transaction, *selection.shape())
        known = self._known.get(shape)
        if known is None:
            if len(self._known) >= self._size:
                self._known.pop(next(iter(self._known)))
            known = self._known[shape] = _compile(selection, guarded=not within_transaction)
        elif len(self._known) >= self._size:
            # What is asked again stays, whatever shapes somebody comes up with in between.
            self._known[shape] = self._known.pop(shape)
        return known


def _compile(selection: Selection, *, guarded: bool) -> Statement:
    build = _Build()
    scope = selection.scope
    visible = None
    if scope is not None:
        parent = scope.resource.table.alias("scope")
        visible = (
            select(literal_column("1"))
            .select_from(parent)
            .where(parent.c[scope.resource.own_key.name] == build.bind(Uuid()))
            .exists()
        )
    answer = build.one(selection) if selection.key else build.page(selection)
    value: ColumnElement[Any] = answer.scalar_subquery()
    if visible is not None:
        value = case((visible, value), else_=null())
    if guarded:
        enter = func.auth.enter(
            bindparam("claims", type_=Text()),
            bindparam("sub", type_=Uuid()),
            bindparam("session", type_=Uuid()),
        )
        value = case((enter, value), else_=literal_column("'false'::json"))
    compiled = select(value).compile(dialect=DIALECT)
    names: list[str] = compiled.positiontup or []
    own = names[3:] if guarded else names
    return Statement(str(compiled), tuple(int(name[1:]) for name in own))


class _Build:
    """One compilation: numbers the binds and the aliases as it goes."""

    def __init__(self) -> None:
        self._binds = 0
        self._aliases = 0

    def bind(self, kind: Any) -> ColumnElement[Any]:
        """Return the next bind of that type."""
        name = f"v{self._binds}"
        self._binds += 1
        if isinstance(kind, DateTime):
            # As text: the driver takes the first and the last moment there is for infinity.
            return cast(bindparam(name, type_=Text()), kind)
        return bindparam(name, type_=kind)

    def one(self, selection: Selection) -> Select[Any]:
        """Return the statement for one row: `[version, row]`."""
        rows = self._alias(selection.resource)
        key = [rows.c[one.name] == self.bind(one.type) for one in selection.resource.key]
        shown, joined = self._shown(selection, rows)
        answer = select(func.json_build_array(rows.c.version, func.row_to_json(shown.table_valued())))
        return answer.select_from(joined.join(shown, true())).where(*key)

    def page(self, selection: Selection) -> Select[Any]:
        """Return the statement for a list: `[total, cursor, rows]`."""
        rows = self._alias(selection.resource)
        where = [self._condition(one, selection.resource, rows) for one in selection.where]
        sort = sort_columns(selection.resource, selection.order, rows)
        after = [self._after(selection, sort)] if selection.after else []
        shown, joined = self._shown(selection, rows)
        marks = [one.label(f"mark{index}") for index, one in enumerate(sort)]
        page = (
            select(func.row_to_json(shown.table_valued()).label("shown"), *marks)
            .select_from(joined.join(shown, true()))
            .where(*where, *after)
            .order_by(*_ordering(selection.order, sort))
            .limit(literal_column(str(selection.limit + 1)))
            .subquery("page")
        )
        total: ColumnElement[Any] = null()
        if selection.with_total:
            total = select(func.count()).select_from(rows).where(*where).scalar_subquery()
        limit = literal_column(str(selection.limit), Integer())
        last = [func.array_agg(page.c[mark.name])[limit] for mark in marks]
        cursor = case((func.count() > limit, _hex(func.json_build_array(*last))))
        first = literal_column("1", Integer())
        shown_rows = func.array_to_json(func.array_agg(page.c.shown)[slice(first, limit)])
        found = func.coalesce(shown_rows, literal_column("'[]'::json"))
        return select(func.json_build_array(total, cursor, found)).select_from(page)

    def _alias(self, resource: Resource) -> Any:
        self._aliases += 1
        return resource.table.alias(f"{resource.singular}_{self._aliases}")

    def _shown(self, selection: Selection, rows: Any) -> tuple[Any, FromClause]:
        """Return what a row shows, as a lateral row, and the tables it is read from."""
        resource = selection.resource
        fields = [resource.fields[name] for name in selection.fields]
        joined: FromClause = rows
        views: dict[str, Any] = {}
        for name in sorted({one.rules.seen_through for one in fields if one.rules.seen_through}):
            seen = [
                one.column.name for one in fields if one.column is not None and one.rules.seen_through == name
            ]
            view = table(name, column("id"), *map(column, seen)).alias(f"{rows.name}_{name}")
            joined = joined.join(view, view.c.id == rows.c[resource.own_key.name], isouter=True)
            views[name] = view
        columns: list[ColumnElement[Any]] = [
            _shape_of(one, views.get(one.rules.seen_through or "", rows)).label(one.name) for one in fields
        ]
        columns += [self._branch(branch, rows).label(branch.label) for branch in selection.branches]
        shown = select(*columns).correlate(rows, *views.values()).lateral(f"{rows.name}_shown")
        return shown, joined

    def _branch(self, branch: Branch, rows: Any) -> ColumnElement[Any]:
        selection, relation = branch.selection, branch.relation
        there = self._alias(selection.resource)
        shown, joined = self._shown(selection, there)
        made = func.row_to_json(shown.table_valued()).label("shown")
        found = select(made).select_from(joined.join(shown, true()))
        found = found.where(there.c[relation.there.name] == rows.c[relation.here.name])
        if not relation.is_many:
            return found.correlate(rows).scalar_subquery()
        sort = sort_columns(selection.resource, selection.order, there)
        some = (
            found.order_by(*_ordering(selection.order, sort))
            .limit(literal_column(str(selection.limit)))
            .correlate(rows)
            .lateral(f"{there.name}_some")
        )
        listed = func.coalesce(func.json_agg(some.c.shown), literal_column("'[]'::json"))
        return select(listed).select_from(some).correlate(rows).scalar_subquery()

    def _condition(self, condition: Condition, resource: Resource, rows: Any) -> Any:
        columns = [rows.c[_column_name(resource, name)] for name in condition.fields]
        if condition.operator == "is":
            # Plain equality, where an index that is also in the list's order serves both.
            return columns[0] == self.bind(columns[0].type)
        if condition.operator == "equal":
            return columns[0] == func.any(self.bind(ARRAY(columns[0].type)))
        if condition.operator == "has":
            return columns[0].op("&&")(self.bind(ARRAY(Text())))
        if condition.operator == "before":
            return columns[0] < self.bind(DateTime(timezone=True))
        if condition.operator == "after":
            return columns[0] >= self.bind(DateTime(timezone=True))
        if condition.operator == "missing":
            return columns[0].is_(None) == self.bind(Boolean())
        whole = func.concat_ws(literal_column("' '"), *columns)
        return whole.op("ilike")(func.all(self.bind(ARRAY(Text()))))

    def _after(self, selection: Selection, sort: list[ColumnElement[Any]]) -> ColumnElement[bool]:
        first, *ties = sort
        value = selection.after[0]
        types = [one.type for one in sort]
        is_nullable = selection.resource.fields[selection.order.field].nullable
        known = None if value is None else self.bind(types[0])
        tied = [self.bind(one) for one in types[1:]]
        down = selection.order.is_descending
        if known is None:
            return and_(first.is_(None), _beyond(ties, tied, down))
        plain = _beyond(sort, [known, *tied], down)
        # A row comparison reaches the index; nulls, which come last, stand beside it.
        return or_(plain, first.is_(None)) if is_nullable else plain


def sort_columns(resource: Resource, order: Order, rows: Any) -> list[ColumnElement[Any]]:
    """Return what a list is sorted by: the field, or its rank, then the primary key."""
    sorted_by = resource.fields[order.field]
    by = rows.c[_column_name(resource, order.field)]
    if sorted_by.is_ranked:
        words = [literal_column(f"'{word}'", Text()) for word in sorted_by.rules.choices]
        ranks: Any = array(words)
        by = func.array_position(ranks, cast(by, Text), type_=Integer())
    return [by, *(rows.c[one.name] for one in resource.key)]


def _ordering(order: Order, sort: list[ColumnElement[Any]]) -> list[ColumnElement[Any]]:
    first, *ties = sort
    if order.is_descending:
        by = first.desc().nulls_last() if _may_be_null(first) else first.desc()
        return [by, *(one.desc() for one in ties)]
    return [first.asc(), *(one.asc() for one in ties)]


def _may_be_null(expression: ColumnElement[Any]) -> bool:
    # `desc nulls last` on a column that is never null would miss its index.
    return bool(getattr(expression, "nullable", False))


def _beyond(
    columns: list[ColumnElement[Any]], values: list[ColumnElement[Any]], down: bool
) -> ColumnElement[bool]:
    left, right = tuple_(*columns), tuple_(*values)
    return left < right if down else left > right


def _column_name(resource: Resource, name: str) -> str:
    found = resource.fields[name].column
    assert found is not None, f"{name} is derived"
    return found.name


def _shape_of(one: Field, rows: Any) -> Any:
    if one.expression is not None:
        return one.expression(rows)
    assert one.column is not None
    value = rows.c[one.column.name]
    if one.rules.kind is Kind.INSTANT:
        return func.to_char(value, literal_column(f"'{INSTANT}'"))
    return value


def _hex(value: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.encode(func.convert_to(cast(value, Text), literal_column("'UTF8'")), literal_column("'hex'"))
