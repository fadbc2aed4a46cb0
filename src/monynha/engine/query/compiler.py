"""Compiles selections to SQL: one statement whose result is the finished JSON, cached by shape.

A single row results in `[version, row]` and a list in `[total, sort values of the last row, rows]`: what the protocol
needs comes first, and the rest is passed through without being parsed. A batch results in one object.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from monynha.core.lru_cache import LruCache
from monynha.engine.query.answer_limits import AnswerLimits
from monynha.engine.query.parameter import PreparedQuery, SourceT
from monynha.engine.query.select_builder import SelectBuilder
from monynha.engine.query.selection import Selection, SelectionBatch, Shape
from monynha.infra.postgres.database import ACTOR_BIND_COUNT, guard_query

_MAX_CACHED_LENGTH = 20_000
"""Longer statements, in characters, are not cached: they are rare, and quickly compiled again."""
_PLACEHOLDER = re.compile(r"\$v(\d+)")


@dataclass(frozen=True, slots=True)
class Statement:
    """The SQL for all selections of one shape."""

    text: str
    bind_order: tuple[int, ...]
    """For each bind of the text, the index of its value in `Selection.bind_values`."""
    is_light: bool

    def arrange_binds(self, values: Iterable[object]) -> list[object]:
        """Return the values of a selection in the order of the text's binds."""
        selection_values = list(values)
        return [selection_values[index] for index in self.bind_order]


class Compiler:
    """Compiles selections within the limits, and caches the latest `max_size` statements."""

    def __init__(self, limits: AnswerLimits | None = None, *, max_size: int = 2000) -> None:
        self.limits = limits or AnswerLimits()
        self._statements: LruCache[Shape, Statement] = LruCache(max_size)

    def compile(self, selection: Selection | SelectionBatch, *, within_transaction: bool = False) -> Statement:
        """Return the statement for a selection; within a transaction the actor is set already."""
        shape = (within_transaction, *selection.shape())
        statement = self._statements.get(shape)
        if statement is None:
            statement = _compile(selection, self.limits, sets_actor=not within_transaction)
            if len(statement.text) <= _MAX_CACHED_LENGTH:
                self._statements.put(shape, statement)
        return statement

    def prepare(
        self, selection: Selection | SelectionBatch, *, within_transaction: bool = False
    ) -> PreparedQuery[SourceT]:
        """Return the statement with the selection's values, ready to be executed any number of times.

        Raises BadRequestError if the result could be too large.
        """
        self.limits.check(selection)
        statement = self.compile(selection, within_transaction=within_transaction)
        binds = tuple(statement.arrange_binds(selection.bind_values()))
        missing = selection.scope or selection
        scope_name = "" if isinstance(missing, SelectionBatch) else missing.resource.singular
        return PreparedQuery(statement.text, binds, statement.is_light, selection.cost(), scope_name)


def _compile(selection: Selection | SelectionBatch, limits: AnswerLimits, *, sets_actor: bool) -> Statement:
    json_sql = _scoped_sql(SelectBuilder(limits.counted_bytes(selection)), selection)
    first_bind = 1 + (ACTOR_BIND_COUNT if sets_actor else 0)
    numbers: dict[int, int] = {}

    def number_placeholder(placeholder: re.Match[str]) -> str:
        # The text may use a value twice, or not at all (as a count's), and PostgreSQL accepts no gap in the numbers.
        number = numbers.setdefault(int(placeholder[1]), first_bind + len(numbers))
        return f"${number}"

    json_sql = _PLACEHOLDER.sub(number_placeholder, json_sql)
    text = guard_query(json_sql) if sets_actor else f"select {json_sql}"
    return Statement(text, tuple(numbers), selection.is_light)


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
