"""The SQL of a selection and of all that hangs on it: rows, pages and the branches between them.

Written as text: anybody may ask what was never asked before, and the loop waits for its statement.
"""

from __future__ import annotations

from collections.abc import Sequence

from monynha.engine.query.ordering import SortKey, after_condition, order_by, sort_keys
from monynha.engine.query.selection import (
    BatchItem,
    Condition,
    PageField,
    SelectedField,
    SelectedRelation,
    Selection,
    SelectionBatch,
)
from monynha.engine.query.sql_fragments import (
    as_base64url,
    as_hex,
    bind_type,
    column_name,
    field_sql,
    first_rows,
    last_sort_values,
    quote_identifier,
    text_literal,
)
from monynha.engine.schema.resource import Resource


class SelectBuilder:
    """One compilation: numbers the binds as it goes, in the order of the selection's own."""

    def __init__(self) -> None:
        self._bind_count = 0
        self._alias_count = 0
        self._name_count = 0

    def bind(self, type: str) -> str:
        """Return the place of the next bind, of that type."""
        placeholder = f"$v{self._bind_count}::{type}"
        self._bind_count += 1
        return placeholder

    def batch(self, batch: SelectionBatch) -> str:
        """Return the object with a member for each root."""
        members = ", ".join(f"{self._batch_item(root)} as {quote_identifier(root.label)}" for root in batch.items)
        record = self._unique_name("roots")
        return f"(select row_to_json({record}) from (select {members}) {record})"

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
        """Return the statement for one row: `[version, row]`."""
        alias = self._alias(selection.resource)
        key_condition = self._key_condition(selection, alias)
        row_json, from_clause = self._row_json(selection, alias, _aliased_table(selection.resource, alias))
        return f"(select json_build_array({alias}.version, {row_json}) from {from_clause} where {key_condition})"

    def page(self, selection: Selection) -> str:
        """Return the statement for a list: `[total, cursor, rows]`."""
        alias, page = self._alias(selection.resource), "page"
        table = _aliased_table(selection.resource, alias)
        conditions = self._conditions(selection, alias)
        keys = sort_keys(selection.resource, selection.order, alias)
        cursor_conditions = [after_condition(selection, keys, self.bind)] if selection.after else []
        row_json, from_clause = self._row_json(selection, alias, table)
        clauses = _list_clauses([*conditions, *cursor_conditions], order_by(selection.order, keys), selection.limit + 1)
        total = f"(select count(*) from {table}{_where_clause(conditions)})" if selection.with_total else "null"
        cursor = _if_more_rows(as_hex(last_sort_values(page, len(keys), selection.limit)), selection.limit)
        rows_json = first_rows(f"{page}.shown", selection.limit)
        return (
            f"(select json_build_array({total}, {cursor}, {rows_json}) from "
            f"(select {row_json} as shown, {_sort_value_columns(keys)} from {from_clause}{clauses}) {page})"
        )

    def _unique_name(self, stem: str) -> str:
        # A blank, so that no label that a caller chooses can take the place of what is meant.
        self._name_count += 1
        return quote_identifier(f"{stem} {self._name_count}")

    def _alias(self, resource: Resource) -> str:
        self._alias_count += 1
        return quote_identifier(f"{resource.singular}_{self._alias_count}")

    def _key_condition(self, selection: Selection, alias: str) -> str:
        resource = selection.resource
        return " and ".join(
            f"{alias}.{one.name} = {self.bind(bind_type(resource, one.name))}" for one in resource.primary_key
        )

    def _row_json(self, selection: Selection, alias: str, from_clause: str) -> tuple[str, str]:
        """Return the JSON that a row shows, and the tables it is read from."""
        resource = selection.resource
        selected_fields = [SelectedField(one, one) if isinstance(one, str) else one for one in selection.fields]
        view_aliases: dict[str, str] = {}
        expressions: dict[str, str] = {}
        for selected_field in selected_fields:
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
        columns = ", ".join(
            f"{expressions[label]} as {quote_identifier(label)}" for label in selection.labels or expressions
        )
        row_alias = self._unique_name("shown")
        return (
            f"row_to_json({row_alias})",
            f"{from_clause} join lateral (select {columns}) {row_alias} on true",
        )

    def _relation(self, selected_relation: SelectedRelation, source_alias: str) -> str:
        selection, relation = selected_relation.selection, selected_relation.relation
        target_alias = self._alias(selection.resource)
        source_value = f"{source_alias}.{relation.source_column.name}"
        join_condition = f"{target_alias}.{relation.target_column.name} = {source_value}"
        if relation.through is not None:
            source_link, target_link = relation.through
            link_alias = self._unique_name("between")
            link_query = f"select {link_alias}.{target_link.name} from {source_link.table.name} {link_alias}"
            join_condition = f"{target_alias}.{relation.target_column.name} in ({link_query} where {link_alias}.{source_link.name} = {source_value})"
        if relation.is_many:
            return self._list(selection, target_alias, join_condition)
        row_json, from_clause = self._row_json(
            selection, target_alias, _aliased_table(selection.resource, target_alias)
        )
        return f"(select {row_json} from {from_clause} where {join_condition})"

    def _list(self, selection: Selection, alias: str, *join_conditions: str) -> str:
        """Return a list, or a page, of rows that are reached or stand alone."""
        conditions = [*join_conditions, *self._conditions(selection, alias)]
        keys = sort_keys(selection.resource, selection.order, alias)
        cursor_conditions = [after_condition(selection, keys, self.bind)] if selection.after else []
        offset = "" if selection.offset is None else f" offset {self.bind('integer')}"
        order_by_sql = order_by(selection.order, keys)
        if selection.page is not None:
            clauses = _list_clauses([*conditions, *cursor_conditions], order_by_sql, selection.limit + 1) + offset
            return self._page_object(selection, alias, conditions=conditions, keys=keys, clauses=clauses)
        clauses = _list_clauses([*conditions, *cursor_conditions], order_by_sql, selection.limit) + offset
        row_json, from_clause = self._row_json(selection, alias, _aliased_table(selection.resource, alias))
        rows_alias = self._unique_name("some")
        return (
            f"(select coalesce(json_agg({rows_alias}.shown), '[]'::json) from "
            f"(select {row_json} as shown from {from_clause}{clauses}) {rows_alias})"
        )

    def _page_object(
        self, selection: Selection, alias: str, *, conditions: list[str], keys: list[SortKey], clauses: str
    ) -> str:
        table, page = _aliased_table(selection.resource, alias), self._unique_name("page")
        limit, page_fields = selection.limit, selection.page or ()
        digest = self.bind("bytea") if selection.has_cursor else None
        from_clause, columns = table, _sort_value_columns(keys)
        for index, page_field in enumerate(page_fields):
            if page_field.selection is not None:
                row_json, from_clause = self._row_json(page_field.selection, alias, from_clause)
                columns += f", {row_json} as shown{index}"

        def member_sql(index: int, page_field: PageField) -> str:
            if page_field.kind == "nodes":
                return first_rows(f"{page}.shown{index}", limit)
            if page_field.kind == "cursor":
                last_values = f"convert_to({last_sort_values(page, len(keys), limit)}::text, 'UTF8')"
                return _if_more_rows(as_base64url(f"{digest} || {last_values}"), limit)
            return (
                f"(select count(*) from {table}{_where_clause(conditions)})"
                if page_field.kind == "total"
                else text_literal(page_field.text)
            )

        members = ", ".join(
            f"{member_sql(index, part)} as {quote_identifier(part.label)}" for index, part in enumerate(page_fields)
        )
        from_sql = ""
        if any(part.kind in ("nodes", "cursor") for part in page_fields):
            from_sql = f" from (select {columns} from {from_clause}{clauses}) {page}"
        record = self._unique_name("record")
        return f"(select row_to_json({record}) from (select {members}{from_sql}) {record})"

    def _conditions(self, selection: Selection, alias: str) -> list[str]:
        return [self._condition(one, selection.resource, alias) for one in selection.where]

    def _condition(self, condition: Condition, resource: Resource, alias: str) -> str:
        names = [column_name(resource, name) for name in condition.fields]
        column, type = f"{alias}.{names[0]}", bind_type(resource, names[0])
        if condition.operator == "is":
            # Plain equality, where an index that is also in the list's order serves both.
            return f"{column} = {self.bind(type)}"
        if condition.operator == "equal":
            return f"{column} = any ({self.bind(f'{type}[]')})"
        if condition.operator == "has":
            return f"{column} && {self.bind('text[]')}"
        if condition.operator in ("before", "after"):
            return f"{column} {'<' if condition.operator == 'before' else '>='} {self.bind(type)}"
        if condition.operator == "missing":
            return f"({column} is null) = {self.bind('boolean')}"
        searched_columns = ", ".join(f"{alias}.{name}" for name in names)
        return f"concat_ws(' ', {searched_columns}) ilike all ({self.bind('text[]')})"


def _aliased_table(resource: Resource, alias: str) -> str:
    return f"{resource.table.name} {alias}"


def _sort_value_columns(sort_keys: Sequence[SortKey]) -> str:
    return ", ".join(f"{one.expression} as mark{index}" for index, one in enumerate(sort_keys))


def _where_clause(conditions: Sequence[str]) -> str:
    return f" where {' and '.join(conditions)}" if conditions else ""


def _list_clauses(conditions: Sequence[str], order_by_sql: str, limit: int) -> str:
    return f"{_where_clause(conditions)} order by {order_by_sql} limit {limit}"


def _if_more_rows(value: str, limit: int) -> str:
    """Return a value where there are more rows than a page holds, else null."""
    return f"case when count(*) > {limit} then {value} end"
