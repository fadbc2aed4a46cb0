"""The SQL of a selection and of all that hangs on it: rows, pages and the branches between them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnClause,
    DateTime,
    Integer,
    LargeBinary,
    Text,
    bindparam,
    case,
    cast,
    column,
    func,
    literal_column,
    null,
    select,
    table,
    true,
)
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.sql import ColumnElement, FromClause, Select

from monynha.engine.expressions import (
    as_hex,
    as_shown,
    as_url_safe,
    column_name,
    first_rows,
    last_mark,
    number,
    text,
)
from monynha.engine.resource import Resource
from monynha.engine.selection import Branch, Condition, Leaf, Part, Question, Root, Selection
from monynha.engine.sorting import beyond_mark, ordering, sort_columns


class Tree:
    """One compilation: numbers the binds as it goes, in the order of the selection's own."""

    def __init__(self) -> None:
        self._binds = 0
        self._aliases = 0
        self._names = 0

    def bind(self, kind: Any) -> ColumnElement[Any]:
        """Return the next bind of that type."""
        name = f"v{self._binds}"
        self._binds += 1
        if isinstance(kind, DateTime):
            # As text: the driver takes the first and the last moment there is for infinity.
            return cast(bindparam(name, type_=Text()), kind)
        return bindparam(name, type_=kind)

    def question(self, question: Question) -> ColumnElement[Any]:
        """Return the object with a member for each root."""
        entries = [self._root(root).label(root.label) for root in question.roots]
        record = select(*entries).subquery(self._name("roots"))
        return select(func.row_to_json(record.table_valued())).scalar_subquery()

    def _root(self, root: Root) -> ColumnElement[Any]:
        selection = root.selection
        if selection is None:
            return text(root.text) if root.given is None else self.bind(JSON())
        rows = self._alias(selection.resource)
        if not selection.key:
            return self._many(selection, rows)
        keys = self._keys(selection, rows)
        shown, joined = self._shown(selection, rows, rows)
        return select(shown).select_from(joined).where(*keys).scalar_subquery()

    def one(self, selection: Selection) -> Select[Any]:
        """Return the statement for one row: `[version, row]`."""
        rows = self._alias(selection.resource)
        keys = self._keys(selection, rows)
        shown, joined = self._shown(selection, rows, rows)
        return select(func.json_build_array(rows.c.version, shown)).select_from(joined).where(*keys)

    def page(self, selection: Selection) -> Select[Any]:
        """Return the statement for a list: `[total, cursor, rows]`."""
        rows = self._alias(selection.resource)
        where = [self._condition(one, selection.resource, rows) for one in selection.where]
        sort = sort_columns(selection.resource, selection.order, rows)
        after = [beyond_mark(selection, sort, self.bind)] if selection.after else []
        shown, joined = self._shown(selection, rows, rows)
        marks = [one.label(f"mark{index}") for index, one in enumerate(sort)]
        page = (
            select(shown.label("shown"), *marks)
            .select_from(joined)
            .where(*where, *after)
            .order_by(*ordering(selection.order, sort))
            .limit(literal_column(str(selection.limit + 1)))
            .subquery("page")
        )
        total: ColumnElement[Any] = null()
        if selection.with_total:
            total = select(func.count()).select_from(rows).where(*where).scalar_subquery()
        last = last_mark(page, len(marks), selection.limit)
        cursor = case((func.count() > number(selection.limit), as_hex(last)))
        return select(
            func.json_build_array(total, cursor, first_rows(page.c.shown, selection.limit))
        ).select_from(page)

    def _name(self, stem: str) -> str:
        # A blank, so that no label that a caller chooses can take the place of what is meant.
        self._names += 1
        return f"{stem} {self._names}"

    def _alias(self, resource: Resource) -> Any:
        self._aliases += 1
        return resource.table.alias(f"{resource.singular}_{self._aliases}")

    def _keys(self, selection: Selection, rows: Any) -> list[ColumnElement[bool]]:
        return [rows.c[one.name] == self.bind(one.type) for one in selection.resource.key]

    def _shown(
        self, selection: Selection, rows: Any, joined: FromClause
    ) -> tuple[ColumnElement[Any], FromClause]:
        """Return the JSON that a row shows, and the tables it is read from."""
        resource = selection.resource
        leaves = [Leaf(one, one) if isinstance(one, str) else one for one in selection.fields]
        fields = {leaf.name: resource.fields[leaf.name] for leaf in leaves if leaf.name}
        views: dict[str, Any] = {}
        for name in sorted({one.rules.seen_through for one in fields.values() if one.rules.seen_through}):
            seen = [one.column for one in fields.values() if one.rules.seen_through == name]
            seen_columns: list[ColumnClause[Any]] = [column(one.name) for one in seen if one is not None]
            view = table(name, column("id"), *seen_columns).alias(self._name(f"{rows.name} {name}"))
            joined = joined.join(view, view.c.id == rows.c[resource.own_key.name], isouter=True)
            views[name] = view
        labelled: dict[str, ColumnElement[Any]] = {
            leaf.label: as_shown(
                fields[leaf.name], views.get(fields[leaf.name].rules.seen_through or "", rows)
            )
            if leaf.name
            else text(leaf.text)
            for leaf in leaves
        }
        labelled |= {branch.label: self._branch(branch, rows) for branch in selection.branches}
        columns = [labelled[label].label(label) for label in selection.labels or labelled]
        shown = select(*columns).correlate(rows, *views.values()).lateral(self._name(f"{rows.name} shown"))
        return func.row_to_json(shown.table_valued()), joined.join(shown, true())

    def _branch(self, branch: Branch, rows: Any) -> ColumnElement[Any]:
        selection, relation = branch.selection, branch.relation
        there = self._alias(selection.resource)
        here = rows.c[relation.here.name]
        way: ColumnElement[bool] = there.c[relation.there.name] == here
        if relation.through is not None:
            near, far = relation.through
            between = near.table.alias(self._name("between"))
            found = select(between.c[far.name]).where(between.c[near.name] == here).correlate(rows)
            way = there.c[relation.there.name].in_(found)
        if relation.is_many:
            return self._many(selection, there, rows, way)
        shown, joined = self._shown(selection, there, there)
        return select(shown).select_from(joined).where(way).correlate(rows).scalar_subquery()

    def _many(
        self, selection: Selection, there: Any, outer: Any = None, *ways: ColumnElement[bool]
    ) -> ColumnElement[Any]:
        """Return a list, or a page, of rows that are reached from `outer` or stand alone."""
        where = [*ways, *(self._condition(one, selection.resource, there) for one in selection.where)]
        sort = sort_columns(selection.resource, selection.order, there)
        beyond = [beyond_mark(selection, sort, self.bind)] if selection.after else []
        offset = None if selection.offset is None else self.bind(Integer())
        found = select().where(*where, *beyond).order_by(*ordering(selection.order, sort)).offset(offset)
        if selection.page is not None:
            return self._paged(selection, there, outer, found=found, where=where, sort=sort)
        shown, joined = self._shown(selection, there, there)
        some = found.add_columns(shown.label("shown")).select_from(joined)
        some = some.limit(literal_column(str(selection.limit))).correlate(outer)
        listing = some.lateral(self._name("some"))
        listed = func.coalesce(func.json_agg(listing.c.shown), literal_column("'[]'::json"))
        return select(listed).select_from(listing).correlate(outer).scalar_subquery()

    def _paged(
        self,
        selection: Selection,
        there: Any,
        outer: Any,
        *,
        found: Select[Any],
        where: list[ColumnElement[bool]],
        sort: list[ColumnElement[Any]],
    ) -> ColumnElement[Any]:
        limit, parts = selection.limit, selection.page or ()
        mark = self.bind(LargeBinary()) if selection.has_cursor else None
        joined: FromClause = there
        columns: list[ColumnElement[Any]] = [one.label(f"mark{index}") for index, one in enumerate(sort)]
        for index, part in enumerate(parts):
            if part.selection is not None:
                shown, joined = self._shown(part.selection, there, joined)
                columns.append(shown.label(f"shown{index}"))
        some = found.add_columns(*columns).select_from(joined)
        some = some.limit(literal_column(str(limit + 1))).correlate(outer)
        page = some.lateral(self._name("page"))
        total = select(func.count()).select_from(there).where(*where).correlate(outer).scalar_subquery()

        def made(index: int, part: Part) -> ColumnElement[Any]:
            if part.kind == "nodes":
                return first_rows(page.c[f"shown{index}"], limit)
            if part.kind == "cursor":
                assert mark is not None
                last = func.convert_to(
                    cast(last_mark(page, len(sort), limit), Text), literal_column("'UTF8'")
                )
                return case((func.count() > number(limit), as_url_safe(mark.op("||")(last))))
            return total if part.kind == "total" else text(part.text)

        entries = select(*(made(index, part).label(part.label) for index, part in enumerate(parts)))
        if any(part.kind in ("nodes", "cursor") for part in parts):
            entries = entries.select_from(page)
        record = entries.correlate(outer).lateral(self._name("record"))
        whole = func.row_to_json(record.table_valued())
        return select(whole).select_from(record).correlate(outer).scalar_subquery()

    def _condition(self, condition: Condition, resource: Resource, rows: Any) -> Any:
        columns = [rows.c[column_name(resource, name)] for name in condition.fields]
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
