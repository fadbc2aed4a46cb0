"""Plans: what a document asks for, ready to be asked by anybody; remembered by text, operation and shape."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    execute_sync,
    is_non_null_type,
)

from monynha.core.errors import BadRequestError
from monynha.core.lru_cache import LruCache
from monynha.engine.query.compiler import Compiler
from monynha.engine.query.cursor import starts_at_null
from monynha.engine.query.selection import MAX_ROWS, BatchItem, SelectionBatch
from monynha.protocols.graphql.errors import RequestError
from monynha.protocols.graphql.execution.collect_fields import FieldCollector
from monynha.protocols.graphql.execution.context import ContextValue, ExecutionContext, resolve_value
from monynha.protocols.graphql.execution.document import MAX_LONG_DOCUMENTS, Document
from monynha.protocols.graphql.execution.planner import TYPENAME, SelectionPlanner

_TEXT_ARGUMENTS = frozenset({"limit", "orderBy", "if"})
_ABSENT = object()
_MAX_PLANS = 1000


@dataclass(frozen=True, eq=False)
class QueryPlan:
    """A query, planned: its statement with the binds, and which of its root fields read rows."""

    root_fields: tuple[BatchItem, ...]
    nullable_keys: frozenset[str]
    """The response keys of the root fields that may be null."""
    text: str
    binds: tuple[object, ...]
    cost: int
    is_light: bool

    @cached_property
    def row_keys(self) -> tuple[str, ...]:
        """The response keys of the root fields that read rows."""
        return tuple(root.label for root in self.root_fields if root.selection is not None)

    def resolve_binds(self, context: ExecutionContext) -> list[object]:
        """Return the values to bind for a request."""
        return [one.resolve(context) if isinstance(one, ContextValue) else one for one in self.binds]

    def result_without_rows(self, context: ExecutionContext) -> bytes:
        """Return what a query answers without rows: null stands where they would."""
        entries = []
        for root in self.root_fields:
            value: object = b"null" if root.selection is not None else orjson.dumps(root.text)
            if root.value is not None:
                value = resolve_value(root.value, context)
            assert isinstance(value, bytes)
            entries.append(orjson.dumps(root.label) + b":" + value)
        return b"{" + b",".join(entries) + b"}"


@dataclass(frozen=True)
class QueryPlanner:
    """Plans queries and remembers the latest `most` plans."""

    schema: GraphQLSchema
    compiler: Compiler
    _cache: LruCache[Hashable, QueryPlan] = field(default_factory=lambda: LruCache(_MAX_PLANS))
    _long_cache: LruCache[Hashable, QueryPlan] = field(default_factory=lambda: LruCache(MAX_LONG_DOCUMENTS))

    def get_plan(self, document: Document, operation: OperationDefinitionNode, context: ExecutionContext) -> QueryPlan:
        """Return the plan of a query for a request (Refused where it asks for too much)."""
        shape = (document, id(operation), *_variables_shape(document, operation, context))
        cache = self._long_cache if document.is_long else self._cache
        plan = cache.get(shape)
        if plan is None:
            plan = self._plan(document, operation, context)
            cache.put(shape, plan)
        return plan

    def _plan(self, document: Document, operation: OperationDefinitionNode, context: ExecutionContext) -> QueryPlan:
        collector = FieldCollector(document.fragments, context.variables)
        planner = SelectionPlanner(self.schema, collector, context)
        query_type = self.schema.query_type
        assert query_type is not None
        fields = collector.collect([operation.selection_set])
        root_fields: list[BatchItem] = []
        nullable_keys: set[str] = set()
        for key, nodes in fields.items():
            name = nodes[0].name.value
            if name == TYPENAME:
                root_fields.append(BatchItem(key, text=query_type.name))
            elif name.startswith("__"):
                root_fields.append(BatchItem(key, value=self._introspection_value(document, operation, key, nodes)))
            else:
                field = query_type.fields[name]
                root_fields.append(BatchItem(key, planner.plan_root_field(field, nodes, (key,))))
                if not is_non_null_type(field.type):
                    nullable_keys.add(key)
        query = SelectionBatch(tuple(root_fields))
        check_cost(query.cost())
        statement = self.compiler.compile(query)
        binds = tuple(statement.arrange_binds(query.bind_values()))
        return QueryPlan(query.items, frozenset(nullable_keys), statement.text, binds, query.cost(), statement.is_light)

    def _introspection_value(
        self, document: Document, operation: OperationDefinitionNode, key: str, nodes: list[FieldNode]
    ) -> ContextValue | bytes:
        """Return what the schema says of itself, as graphql-core executes it."""
        operation_of_field = OperationDefinitionNode(
            operation=OperationType.QUERY,
            variable_definitions=operation.variable_definitions,
            selection_set=SelectionSetNode(selections=tuple(nodes)),
        )
        document_of_field = DocumentNode(definitions=(operation_of_field, *document.fragments.values()))

        def read(context: ExecutionContext) -> bytes:
            cached: bytes | None = context.cache.get(key)
            if cached is None:
                result = execute_sync(self.schema, document_of_field, variable_values=dict(context.raw_variables))
                assert result.data is not None, result.errors
                cached = context.cache[key] = orjson.dumps(result.data[key])
            return cached

        return ContextValue(read, (key,))


def check_cost(cost: int, max_rows: int = MAX_ROWS) -> None:
    """Refuse what asks for more rows than are answered."""
    if cost > max_rows:
        raise RequestError.from_error(
            BadRequestError(
                f"The query asks for up to {cost} rows; at most {max_rows} are answered. "
                "Ask for less, or take a smaller limit.",
                details={"limit": max_rows, "cost": cost, "of": "rows"},
            )
        )


def _variables_shape(
    document: Document, operation: OperationDefinitionNode, context: ExecutionContext
) -> list[Hashable]:
    """Return all of the variables that the statement's text depends on."""
    return [
        _variable_shape(document.variable_uses.get(name, frozenset()), context.variables.coerced.get(name, _ABSENT))
        for name in (one.variable.name.value for one in operation.variable_definitions or ())
    ]


def _variable_shape(uses: frozenset[str], value: Any) -> Hashable:
    if value is _ABSENT or value is None:
        return value is None
    if uses & _TEXT_ARGUMENTS:
        return value if isinstance(value, Hashable) else repr(value)
    if "after" in uses:
        return "null" if isinstance(value, str) and starts_at_null(value) else "after"
    if isinstance(value, dict):
        return frozenset(name for name, one in value.items() if one is not None)
    return "given"
