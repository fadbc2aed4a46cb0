"""Plans of queries: the SQL statement of a document and the values it binds, cached by document and shape.

The shape is what the statement's text depends on besides the document: which variables are given, and the values of
those that set a limit, an order or a directive.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    execute_sync,
    is_non_null_type,
)

from monynha.core.errors import BadRequestError
from monynha.core.lru_cache import LruCache
from monynha.engine.query.answer_limits import AnswerLimits
from monynha.engine.query.compiler import Compiler
from monynha.engine.query.cursor import starts_at_null
from monynha.engine.query.parameter import Parameter, PreparedQuery, resolve_value
from monynha.engine.query.selection import MAX_ROWS, BatchItem, Selection, SelectionBatch
from monynha.protocols.graphql.errors import RequestError
from monynha.protocols.graphql.execution.context import ExecutionContext, context_parameter
from monynha.protocols.graphql.execution.document import MAX_LONG_DOCUMENTS, Document
from monynha.protocols.graphql.execution.planner import TYPENAME, FieldCollector, SelectionPlanner
from monynha.protocols.graphql.schema.field_bindings import ApiSchema

_TEXT_ARGUMENTS = frozenset({"limit", "orderBy", "if"})
"""Arguments whose value, not only its presence, is part of the shape."""
_ABSENT = object()
_MAX_PLANS = 1000


@dataclass(frozen=True, eq=False)
class QueryPlan:
    """A planned query: its statement and its root fields."""

    root_fields: tuple[BatchItem, ...]
    nullable_keys: frozenset[str]
    """The response keys of the root fields that may be null."""
    query: PreparedQuery[ExecutionContext]

    @cached_property
    def row_keys(self) -> tuple[str, ...]:
        """The response keys of the root fields that read rows."""
        return tuple(item.label for item in self.root_fields if item.selection is not None)

    def result_without_rows(self, context: ExecutionContext) -> bytes:
        """Return the data with null in the place of everything that would read rows."""
        entries = []
        for item in self.root_fields:
            value: object = b"null" if item.selection is not None else orjson.dumps(item.text)
            if item.value is not None:
                value = resolve_value(item.value, context)
            # Only introspection fields have a value of their own, which is JSON.
            assert isinstance(value, bytes)
            entries.append(orjson.dumps(item.label) + b":" + value)
        return b"{" + b",".join(entries) + b"}"


@dataclass(frozen=True)
class QueryPlanner:
    """Plans queries, and caches the plans."""

    schema: ApiSchema
    compiler: Compiler
    _cache: LruCache[Hashable, QueryPlan] = field(default_factory=lambda: LruCache(_MAX_PLANS))
    _long_cache: LruCache[Hashable, QueryPlan] = field(default_factory=lambda: LruCache(MAX_LONG_DOCUMENTS))

    def get_plan(self, document: Document, operation: OperationDefinitionNode, context: ExecutionContext) -> QueryPlan:
        """Return the plan of a query for a request (RequestError if it asks for too much)."""
        shape = (document, id(operation), *_variables_shape(document, operation, context))
        cache = self._long_cache if document.is_long else self._cache
        plan = cache.get(shape)
        if plan is None:
            plan = self._plan(document, operation, context)
            cache.put(shape, plan)
        return plan

    def _plan(self, document: Document, operation: OperationDefinitionNode, context: ExecutionContext) -> QueryPlan:
        collector = FieldCollector(document.fragments, context.variables)
        planner = SelectionPlanner(self.schema.bindings, collector, context)
        root_fields: list[BatchItem] = []
        nullable_keys: set[str] = set()
        for response_key, nodes in collector.collect([operation.selection_set]).items():
            name = nodes[0].name.value
            if name == TYPENAME:
                root_fields.append(BatchItem(response_key, text="Query"))
            elif name.startswith("__"):
                value = self._introspection_value(document, operation, response_key, nodes)
                root_fields.append(BatchItem(response_key, value=value))
            else:
                bound = self.schema.bindings.queries[name]
                selection = planner.plan_root_field(bound, nodes, (response_key,))
                root_fields.append(BatchItem(response_key, selection))
                if not is_non_null_type(bound.field.type):
                    nullable_keys.add(response_key)
        batch = SelectionBatch(tuple(root_fields))
        check_cost(batch.cost())
        check_answer_size(self.compiler.limits, batch)
        return QueryPlan(batch.items, frozenset(nullable_keys), self.compiler.prepare(batch))

    def _introspection_value(
        self,
        document: Document,
        operation: OperationDefinitionNode,
        response_key: str,
        nodes: list[FieldNode],
    ) -> Parameter[ExecutionContext]:
        """Return the JSON of an introspection field, as graphql-core executes it."""
        operation_of_field = OperationDefinitionNode(
            operation=OperationType.QUERY,
            variable_definitions=operation.variable_definitions,
            selection_set=SelectionSetNode(selections=tuple(nodes)),
        )
        document_of_field = DocumentNode(definitions=(operation_of_field, *document.fragments.values()))

        def execute(context: ExecutionContext) -> bytes:
            json = context.introspections.get(response_key)
            if json is None:
                result = execute_sync(self.schema, document_of_field, variable_values=dict(context.raw_variables))
                # A validated document with coerced variables does not fail.
                assert result.data is not None, result.errors
                json = context.introspections[response_key] = orjson.dumps(result.data[response_key])
            return json

        return context_parameter(execute, (response_key,))


def check_cost(cost: int, max_rows: int = MAX_ROWS) -> None:
    """Raise RequestError for a document that may read more rows than are allowed."""
    if cost > max_rows:
        raise RequestError.from_error(
            BadRequestError(
                f"The query asks for up to {cost} rows; at most {max_rows} are allowed. "
                "Select less, or use a smaller limit.",
                details={"limit": max_rows, "cost": cost, "of": "rows"},
            )
        )


def check_answer_size(limits: AnswerLimits, *selections: Selection | SelectionBatch) -> None:
    """Raise RequestError for a document whose result could be too large."""
    try:
        limits.check(*selections)
    except BadRequestError as error:
        raise RequestError.from_error(error) from None


def _variables_shape(
    document: Document, operation: OperationDefinitionNode, context: ExecutionContext
) -> list[Hashable]:
    return [
        _variable_shape(document.variable_uses.get(name, frozenset()), context.variables.coerced.get(name, _ABSENT))
        for name in (definition.variable.name.value for definition in operation.variable_definitions or ())
    ]


def _variable_shape(uses: frozenset[str], value: object) -> Hashable:
    """Return the part of a variable that the statement's text depends on."""
    if value is _ABSENT or value is None:
        return value is None
    if uses & _TEXT_ARGUMENTS:
        return repr(value) if isinstance(value, list | dict) else value
    if "after" in uses:
        return "null" if isinstance(value, str) and starts_at_null(value) else "after"
    if isinstance(value, dict):
        return frozenset(name for name, entry in value.items() if entry is not None)
    return "given"
