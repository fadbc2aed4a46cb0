"""Selection to SQL: one statement whose answer is the finished JSON, built once per shape.

A single row answers `[version, row]`; a list answers `[total or null, cursor or null, rows]`, so that what
the protocol needs to know stands in front and the rest passes through unopened. A question of several
selections answers one object, with a member for each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from monynha.core.lru_cache import LruCache
from monynha.engine.query.parameter import PreparedQuery, SourceT
from monynha.engine.query.select_builder import SelectBuilder
from monynha.engine.query.selection import Selection, SelectionBatch, Shape
from monynha.infra.postgres.database import ACTOR_BIND_COUNT, guard_query

_MAX_CACHED_LENGTH = 20_000
"""Up to how many characters a statement is remembered; longer ones are rare, and soon made."""
_PLACEHOLDER = re.compile(r"\$v(\d+)")


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text, for each of its binds which of the selection's values it takes, and whether it is light."""

    text: str
    bind_order: tuple[int, ...]
    is_light: bool

    def arrange_binds(self, values: Iterable[object]) -> list[object]:
        """Return the selection's values in the order of the text's binds."""
        selection_values = list(values)
        return [selection_values[index] for index in self.bind_order]


class Compiler:
    """Turns questions into statements and remembers them by shape, up to `size` of them."""

    def __init__(self, max_size: int = 2000) -> None:
        self._statements: LruCache[Shape, Statement] = LruCache(max_size)

    def compile(self, selection: Selection | SelectionBatch, *, within_transaction: bool = False) -> Statement:
        """Return the statement for what is asked; within a transaction the claims are set already."""
        shape = (within_transaction, *selection.shape())
        statement = self._statements.get(shape)
        if statement is None:
            statement = _compile(selection, is_guarded=not within_transaction)
            if len(statement.text) <= _MAX_CACHED_LENGTH:
                self._statements.put(shape, statement)
        return statement

    def prepare(
        self, selection: Selection | SelectionBatch, *, within_transaction: bool = False
    ) -> PreparedQuery[SourceT]:
        """Return the statement with the selection's values, ready to be executed any number of times."""
        statement = self.compile(selection, within_transaction=within_transaction)
        binds = tuple(statement.arrange_binds(selection.bind_values()))
        return PreparedQuery(statement.text, binds, statement.is_light, selection.cost())


def _compile(selection: Selection | SelectionBatch, *, is_guarded: bool) -> Statement:
    builder = SelectBuilder()
    json_sql = _scoped_sql(builder, selection)
    bind_order: list[int] = []
    numbers: dict[str, int] = {}

    def number_placeholder(placeholder: re.Match[str]) -> str:
        # What is asked of a page may need only some of its values, and PostgreSQL wants no gaps.
        name = placeholder[1]
        if name not in numbers:
            bind_order.append(int(name))
            numbers[name] = len(bind_order) + (ACTOR_BIND_COUNT if is_guarded else 0)
        return f"${numbers[name]}"

    json_sql = _PLACEHOLDER.sub(number_placeholder, json_sql)
    text = guard_query(json_sql) if is_guarded else f"select {json_sql}"
    return Statement(text, tuple(bind_order), selection.is_light)


def _scoped_sql(builder: SelectBuilder, selection: Selection | SelectionBatch) -> str:
    scope = selection.scope
    if scope is None:
        return _result_sql(builder, selection)
    table, key = scope.resource.table.name, scope.resource.id_column.name
    is_visible = f"exists (select 1 from {table} scope where scope.{key} = {builder.bind('uuid')})"
    return f"case when {is_visible} then {_result_sql(builder, selection)} end"


def _result_sql(builder: SelectBuilder, selection: Selection | SelectionBatch) -> str:
    if isinstance(selection, SelectionBatch):
        return builder.batch(selection)
    return builder.row(selection) if selection.key else builder.page(selection)
