"""Builds the SELECT text of one compilation: rows, lists and pages, with nested relations as sub-selects.

The text is built by hand because GraphQL clients may request a new shape at any time, and the event loop waits while it
is compiled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monynha.engine.query.cursor import cursor_sql, sort_values_hex_sql, sort_values_sql
from monynha.engine.query.ordering import SortKey, after_condition, order_by, sort_keys
from monynha.engine.query.selection import (
    BatchItem,
    Condition,
    PageField,
    SelectedRelation,
    Selection,
    SelectionBatch,
)
from monynha.engine.query.sql_fragments import bind_type, column_name, field_sql, quote_identifier, text_literal
from monynha.engine.schema.resource import Resource


@dataclass(frozen=True, slots=True)
class _ListSql:
    """The parts of a list's statement that its rows, its count and its cursor share."""

    alias: str
    table: str
    """The table with its alias."""
    conditions: Sequence[str]
    """What a row must meet to be counted, wherever the page begins."""
    sort_keys: Sequence[SortKey]
    clauses: str
    """`where`, `order by`, `limit` and `offset` of the page."""


class SelectBuilder:
    """Builds one statement; its binds are numbered in the order of `Selection.bind_values`.

    With `max_bytes` the statement counts the bytes of its rows and fails above so many (`answer_size.sql`).
    """

    def __init__(self, max_bytes: int | None = None) -> None:
        self._max_bytes = max_bytes
        self._bind_count = 0
        self._alias_count = 0
        self._name_count = 0

    def bind(self, type: str) -> str:
        """Return the placeholder of the next bind, cast to a type."""
        placeholder = f"$v{self._bind_count}::{type}"
        self._bind_count += 1
        return placeholder

    def batch(self, batch: SelectionBatch) -> str:
        """Return a sub-select for one JSON object, with a column for each item."""
        columns = [f"{self._batch_item(item)} as {quote_identifier(item.label)}" for item in batch.items]
        return self._object_sql(columns, "")

    def _batch_item(self, item: BatchItem) -> str:
        selection = item.selection
        if selection is None:
            return text_literal(item.text) if item.value is None else self.bind("json")
        alias = self._alias(selection.resource)
        if not selection.key:
            return self._list(selection, alias)
        key_condition = self._key_condition(selection, alias)
        row_json, from_clause = self._row_json(selection, alias, _aliased_table(selection.resource, alias))
        return f"(select {row_json} from {from_clause} where {key_condition})"

    def row(self, selection: Selection) -> str:
        """Return a sub-select for one row: `[version, row]`."""
        alias = self._alias(selection.resource)
        key_condition = self._key_condition(selection, alias)
        row_json, from_clause = self._row_json(selection, alias, _aliased_table(selection.resource, alias))
        return f"(select json_build_array({alias}.version, {row_json}) from {from_clause} where {key_condition})"

    def page(self, selection: Selection) -> str:
        """Return a sub-select for a list: `[total or null, hex of the last sort values or null, rows]`."""
        list_sql = self._list_sql(selection, self._alias(selection.resource), selection.limit + 1)
        page_fields = (PageField("sort values", "sort_values"), PageField("rows", "nodes", selection))
        (sort_values, rows), source = self._page_expressions(selection, list_sql, page_fields)
        total = _count_sql(list_sql) if selection.with_total else "null"
        return f"(select json_build_array({total}, {sort_values}, {rows}){source})"

    def _unique_name(self, stem: str) -> str:
        # It contains a blank, so that no label that a client chooses can be the same.
        self._name_count += 1
        return quote_identifier(f"{stem} {self._name_count}")

    def _alias(self, resource: Resource) -> str:
        self._alias_count += 1
        return quote_identifier(f"{resource.singular}_{self._alias_count}")

    def _key_condition(self, selection: Selection, alias: str) -> str:
        resource = selection.resource
        return " and ".join(
            f"{alias}.{column.name} = {self.bind(bind_type(resource, column.name))}" for column in resource.primary_key
        )

    def _row_json(self, selection: Selection, alias: str, from_clause: str) -> tuple[str, str]:
        """Return the JSON of a row, and the from clause that it is read from."""
        resource = selection.resource
        view_aliases: dict[str, str] = {}
        expressions: dict[str, str] = {}
        for selected_field in selection.selected_fields:
            if not selected_field.name:
                expressions[selected_field.label] = text_literal(selected_field.text)
                continue
            field = resource.fields[selected_field.name]
            view = field.rules.read_via_view
            if view and view not in view_aliases:
                view_alias = view_aliases[view] = self._unique_name(view)
                from_clause += f" left join {view} {view_alias} on {view_alias}.id = {alias}.{resource.id_column.name}"
            expressions[selected_field.label] = field_sql(field, view_aliases[view] if view else alias)
        for selected_relation in selection.relations:
            expressions[selected_relation.label] = self._relation(selected_relation, alias)
        labels = selection.labels or expressions
        columns = ", ".join(f"{expressions[label]} as {quote_identifier(label)}" for label in labels)
        row_alias = self._unique_name("row")
        row_json = f"row_to_json({row_alias})"
        if self._max_bytes is not None:
            nested_bytes = [
                f"coalesce(pg_column_size({row_alias}.{quote_identifier(selected_relation.label)}), 0)"
                for selected_relation in selection.relations
            ]
            row_json = f"monynha.count_answer_bytes({row_json}, {' + '.join(nested_bytes) or '0'}, {self._max_bytes})"
            if nested_bytes:
                # A sub-select, which the planner evaluates after sorting and limiting; `offset 0` keeps it from
                # evaluating the nested rows twice, once for their size.
                return f"(select {row_json} from (select {columns} offset 0) {row_alias})", from_clause
        return row_json, f"{from_clause} join lateral (select {columns}) {row_alias} on true"

    def _relation(self, selected_relation: SelectedRelation, source_alias: str) -> str:
        selection, relation = selected_relation.selection, selected_relation.relation
        target_alias = self._alias(selection.resource)
        source_value = f"{source_alias}.{relation.source_column.name}"
        join_condition = f"{target_alias}.{relation.target_column.name} = {source_value}"
        if relation.through is not None:
            source_link, target_link = relation.through
            link = self._unique_name("link")
            target_ids = (
                f"select {link}.{target_link.name} from {source_link.table.name} {link} "
                f"where {link}.{source_link.name} = {source_value}"
            )
            join_condition = f"{target_alias}.{relation.target_column.name} in ({target_ids})"
        if relation.is_many:
            return self._list(selection, target_alias, join_condition)
        table = _aliased_table(selection.resource, target_alias)
        row_json, from_clause = self._row_json(selection, target_alias, table)
        return f"(select {row_json} from {from_clause} where {join_condition})"

    def _list(self, selection: Selection, alias: str, *join_conditions: str) -> str:
        """Return a sub-select for the JSON array of a list, or for the object of a page."""
        if selection.page is not None:
            list_sql = self._list_sql(selection, alias, selection.limit + 1, *join_conditions)
            expressions, source = self._page_expressions(selection, list_sql, selection.page)
            labels = (quote_identifier(page_field.label) for page_field in selection.page)
            return self._object_sql(
                [f"{sql} as {label}" for sql, label in zip(expressions, labels, strict=True)], source
            )
        list_sql = self._list_sql(selection, alias, selection.limit, *join_conditions)
        row_json, from_clause = self._row_json(selection, alias, list_sql.table)
        rows = self._unique_name("rows")
        return (
            f"(select coalesce(json_agg({rows}.json), '[]'::json) from "
            f"(select {row_json} as json from {from_clause}{list_sql.clauses}) {rows})"
        )

    def _list_sql(self, selection: Selection, alias: str, limit: int, *join_conditions: str) -> _ListSql:
        conditions = [*join_conditions, *self._conditions(selection, alias)]
        keys = sort_keys(selection.resource, selection.order, alias)
        cursor_conditions = [after_condition(selection, keys, self.bind)] if selection.after else []
        clauses = (
            f"{_where([*conditions, *cursor_conditions])} order by {order_by(selection.order, keys)} limit {limit}"
        )
        if selection.offset is not None:
            clauses += f" offset {self.bind('integer')}"
        return _ListSql(alias, _aliased_table(selection.resource, alias), conditions, keys, clauses)

    def _page_expressions(
        self, selection: Selection, list_sql: _ListSql, page_fields: Sequence[PageField]
    ) -> tuple[list[str], str]:
        """Return an expression for each field of a page, and the from clause that they are read from.

        The source holds one row more than the page, which tells whether there is a next one.
        """
        counts_bytes = self._max_bytes is not None
        limit, key_count, page = selection.limit, len(list_sql.sort_keys), self._unique_name("page")
        digest = self.bind("bytea") if selection.has_cursor else ""
        columns = [f"{key.expression} as sort_value{index}" for index, key in enumerate(list_sql.sort_keys)]
        from_clause = list_sql.table
        for index, page_field in enumerate(page_fields):
            if page_field.selection is not None:
                row_json, from_clause = self._row_json(page_field.selection, list_sql.alias, from_clause)
                columns.append(f"{row_json} as json{index}")

        def expression(index: int, page_field: PageField) -> str:
            match page_field.kind:
                case "nodes":
                    return _nodes_sql(page, f"{page}.json{index}", limit, counts_bytes=counts_bytes)
                case "cursor":
                    return _if_more_rows(cursor_sql(digest, sort_values_sql(page, key_count, limit)), limit)
                case "sort_values":
                    return _if_more_rows(sort_values_hex_sql(sort_values_sql(page, key_count, limit)), limit)
                case "total":
                    return _count_sql(list_sql)
                case "text":
                    return text_literal(page_field.text)

        expressions = [expression(index, page_field) for index, page_field in enumerate(page_fields)]
        if all(page_field.kind in ("total", "text") for page_field in page_fields):
            return expressions, ""
        source = f"select {', '.join(columns)} from {from_clause}{list_sql.clauses}"
        if counts_bytes:
            source = f"select ordered.*, row_number() over () as number from ({source}) ordered"
        return expressions, f" from ({source}) {page}"

    def _object_sql(self, columns: Sequence[str], source: str) -> str:
        record = self._unique_name("record")
        return f"(select row_to_json({record}) from (select {', '.join(columns)}{source}) {record})"

    def _conditions(self, selection: Selection, alias: str) -> list[str]:
        return [self._condition(condition, selection.resource, alias) for condition in selection.where]

    def _condition(self, condition: Condition, resource: Resource, alias: str) -> str:
        names = [column_name(resource, name) for name in condition.fields]
        column, type = f"{alias}.{names[0]}", bind_type(resource, names[0])
        match condition.operator:
            case "eq":
                # Plain equality lets one index serve both the condition and the order; `= any` does not.
                return f"{column} = {self.bind(type)}"
            case "in":
                return f"{column} = any ({self.bind(f'{type}[]')})"
            case "overlaps":
                return f"{column} && {self.bind('text[]')}"
            case "lt":
                return f"{column} < {self.bind(type)}"
            case "gte":
                return f"{column} >= {self.bind(type)}"
            case "is_null":
                return f"({column} is null) = {self.bind('boolean')}"
            case "search":
                searched_columns = ", ".join(f"{alias}.{name}" for name in names)
                return f"concat_ws(' ', {searched_columns}) ilike all ({self.bind('text[]')})"


def _aliased_table(resource: Resource, alias: str) -> str:
    return f"{resource.table.name} {alias}"


def _where(conditions: Sequence[str]) -> str:
    return f" where {' and '.join(conditions)}" if conditions else ""


def _count_sql(list_sql: _ListSql) -> str:
    return f"(select count(*) from {list_sql.table}{_where(list_sql.conditions)})"


def _nodes_sql(page: str, row: str, limit: int, *, counts_bytes: bool) -> str:
    if counts_bytes:
        # Without the array, of which PostgreSQL would hold two copies.
        return f"coalesce(json_agg({row}) filter (where {page}.number <= {limit}), '[]'::json)"
    return f"coalesce(array_to_json((array_agg({row}))[1:{limit}]), '[]'::json)"


def _if_more_rows(value: str, limit: int) -> str:
    """Return SQL for the value if there are more rows than a page holds, else null."""
    return f"case when count(*) > {limit} then {value} end"
