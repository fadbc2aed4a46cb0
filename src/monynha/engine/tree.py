"""The SQL of a selection and of all that hangs on it: rows, pages and the branches between them.

Written as text: anybody may ask what was never asked before, and the loop waits for its statement.
"""

from __future__ import annotations

from collections.abc import Sequence

from monynha.engine.expressions import (
    as_hex,
    as_shown,
    as_url_safe,
    column_name,
    first_rows,
    kind_of,
    last_mark,
    quoted,
    text,
)
from monynha.engine.resource import Resource
from monynha.engine.selection import Branch, Condition, Leaf, Part, Question, Root, Selection
from monynha.engine.sorting import Sort, beyond_mark, ordering, sort_columns


class Tree:
    """One compilation: numbers the binds as it goes, in the order of the selection's own."""

    def __init__(self) -> None:
        self._binds = 0
        self._aliases = 0
        self._names = 0

    def bind(self, kind: str) -> str:
        """Return the place of the next bind, of that type."""
        place = f"$v{self._binds}::{kind}"
        self._binds += 1
        return place

    def question(self, question: Question) -> str:
        """Return the object with a member for each root."""
        entries = ", ".join(f"{self._root(root)} as {quoted(root.label)}" for root in question.roots)
        record = self._name("roots")
        return f"(select row_to_json({record}) from (select {entries}) {record})"

    def _root(self, root: Root) -> str:
        selection = root.selection
        if selection is None:
            return text(root.text) if root.given is None else self.bind("json")
        rows = self._alias(selection.resource)
        if not selection.key:
            return self._many(selection, rows)
        keys = self._keys(selection, rows)
        shown, joined = self._shown(selection, rows, _table(selection.resource, rows))
        return f"(select {shown} from {joined} where {keys})"

    def one(self, selection: Selection) -> str:
        """Return the statement for one row: `[version, row]`."""
        rows = self._alias(selection.resource)
        keys = self._keys(selection, rows)
        shown, joined = self._shown(selection, rows, _table(selection.resource, rows))
        return f"(select json_build_array({rows}.version, {shown}) from {joined} where {keys})"

    def page(self, selection: Selection) -> str:
        """Return the statement for a list: `[total, cursor, rows]`."""
        rows, page = self._alias(selection.resource), "page"
        table = _table(selection.resource, rows)
        where = self._conditions(selection, rows)
        sort = sort_columns(selection.resource, selection.order, rows)
        beyond = [beyond_mark(selection, sort, self.bind)] if selection.after else []
        shown, joined = self._shown(selection, rows, table)
        clauses = _clauses([*where, *beyond], ordering(selection.order, sort), selection.limit + 1)
        total = f"(select count(*) from {table}{_where(where)})" if selection.with_total else "null"
        cursor = _where_more(as_hex(last_mark(page, len(sort), selection.limit)), selection.limit)
        listed = first_rows(f"{page}.shown", selection.limit)
        return (
            f"(select json_build_array({total}, {cursor}, {listed}) from "
            f"(select {shown} as shown, {_marks(sort)} from {joined}{clauses}) {page})"
        )

    def _name(self, stem: str) -> str:
        # A blank, so that no label that a caller chooses can take the place of what is meant.
        self._names += 1
        return quoted(f"{stem} {self._names}")

    def _alias(self, resource: Resource) -> str:
        self._aliases += 1
        return quoted(f"{resource.singular}_{self._aliases}")

    def _keys(self, selection: Selection, rows: str) -> str:
        resource = selection.resource
        return " and ".join(
            f"{rows}.{one.name} = {self.bind(kind_of(resource, one.name))}" for one in resource.key
        )

    def _shown(self, selection: Selection, rows: str, joined: str) -> tuple[str, str]:
        """Return the JSON that a row shows, and the tables it is read from."""
        resource = selection.resource
        leaves = [Leaf(one, one) if isinstance(one, str) else one for one in selection.fields]
        views: dict[str, str] = {}
        labelled: dict[str, str] = {}
        for leaf in leaves:
            if not leaf.name:
                labelled[leaf.label] = text(leaf.text)
                continue
            field = resource.fields[leaf.name]
            through = field.rules.seen_through
            if through and through not in views:
                view = views[through] = self._name(through)
                joined += f" left join {through} {view} on {view}.id = {rows}.{resource.own_key.name}"
            labelled[leaf.label] = as_shown(field, views[through] if through else rows)
        for branch in selection.branches:
            labelled[branch.label] = self._branch(branch, rows)
        columns = ", ".join(f"{labelled[label]} as {quoted(label)}" for label in selection.labels or labelled)
        shown = self._name("shown")
        return f"row_to_json({shown})", f"{joined} join lateral (select {columns}) {shown} on true"

    def _branch(self, branch: Branch, rows: str) -> str:
        selection, relation = branch.selection, branch.relation
        there = self._alias(selection.resource)
        here = f"{rows}.{relation.here.name}"
        way = f"{there}.{relation.there.name} = {here}"
        if relation.through is not None:
            near, far = relation.through
            between = self._name("between")
            found = f"select {between}.{far.name} from {near.table.name} {between}"
            way = f"{there}.{relation.there.name} in ({found} where {between}.{near.name} = {here})"
        if relation.is_many:
            return self._many(selection, there, way)
        shown, joined = self._shown(selection, there, _table(selection.resource, there))
        return f"(select {shown} from {joined} where {way})"

    def _many(self, selection: Selection, there: str, *ways: str) -> str:
        """Return a list, or a page, of rows that are reached or stand alone."""
        where = [*ways, *self._conditions(selection, there)]
        sort = sort_columns(selection.resource, selection.order, there)
        beyond = [beyond_mark(selection, sort, self.bind)] if selection.after else []
        offset = "" if selection.offset is None else f" offset {self.bind('integer')}"
        order = ordering(selection.order, sort)
        if selection.page is not None:
            clauses = _clauses([*where, *beyond], order, selection.limit + 1) + offset
            return self._paged(selection, there, where=where, sort=sort, clauses=clauses)
        clauses = _clauses([*where, *beyond], order, selection.limit) + offset
        shown, joined = self._shown(selection, there, _table(selection.resource, there))
        some = self._name("some")
        return (
            f"(select coalesce(json_agg({some}.shown), '[]'::json) from "
            f"(select {shown} as shown from {joined}{clauses}) {some})"
        )

    def _paged(
        self, selection: Selection, there: str, *, where: list[str], sort: list[Sort], clauses: str
    ) -> str:
        table, page = _table(selection.resource, there), self._name("page")
        limit, parts = selection.limit, selection.page or ()
        mark = self.bind("bytea") if selection.has_cursor else None
        joined, columns = table, _marks(sort)
        for index, part in enumerate(parts):
            if part.selection is not None:
                shown, joined = self._shown(part.selection, there, joined)
                columns += f", {shown} as shown{index}"

        def made(index: int, part: Part) -> str:
            if part.kind == "nodes":
                return first_rows(f"{page}.shown{index}", limit)
            if part.kind == "cursor":
                last = f"convert_to({last_mark(page, len(sort), limit)}::text, 'UTF8')"
                return _where_more(as_url_safe(f"{mark} || {last}"), limit)
            return (
                f"(select count(*) from {table}{_where(where)})" if part.kind == "total" else text(part.text)
            )

        entries = ", ".join(
            f"{made(index, part)} as {quoted(part.label)}" for index, part in enumerate(parts)
        )
        source = ""
        if any(part.kind in ("nodes", "cursor") for part in parts):
            source = f" from (select {columns} from {joined}{clauses}) {page}"
        record = self._name("record")
        return f"(select row_to_json({record}) from (select {entries}{source}) {record})"

    def _conditions(self, selection: Selection, rows: str) -> list[str]:
        return [self._condition(one, selection.resource, rows) for one in selection.where]

    def _condition(self, condition: Condition, resource: Resource, rows: str) -> str:
        names = [column_name(resource, name) for name in condition.fields]
        column, kind = f"{rows}.{names[0]}", kind_of(resource, names[0])
        if condition.operator == "is":
            # Plain equality, where an index that is also in the list's order serves both.
            return f"{column} = {self.bind(kind)}"
        if condition.operator == "equal":
            return f"{column} = any ({self.bind(f'{kind}[]')})"
        if condition.operator == "has":
            return f"{column} && {self.bind('text[]')}"
        if condition.operator in ("before", "after"):
            return f"{column} {'<' if condition.operator == 'before' else '>='} {self.bind(kind)}"
        if condition.operator == "missing":
            return f"({column} is null) = {self.bind('boolean')}"
        whole = ", ".join(f"{rows}.{name}" for name in names)
        return f"concat_ws(' ', {whole}) ilike all ({self.bind('text[]')})"


def _table(resource: Resource, rows: str) -> str:
    return f"{resource.table.name} {rows}"


def _marks(sort: Sequence[Sort]) -> str:
    return ", ".join(f"{one.value} as mark{index}" for index, one in enumerate(sort))


def _where(conditions: Sequence[str]) -> str:
    return f" where {' and '.join(conditions)}" if conditions else ""


def _clauses(conditions: Sequence[str], order: str, limit: int) -> str:
    return f"{_where(conditions)} order by {order} limit {limit}"


def _where_more(value: str, limit: int) -> str:
    """Return a value where there are more rows than a page holds, else null."""
    return f"case when count(*) > {limit} then {value} end"
