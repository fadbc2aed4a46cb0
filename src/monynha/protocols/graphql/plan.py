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

from monynha.core.errors import BadRequest
from monynha.core.remembered import Remembered
from monynha.engine.compiler import Compiler
from monynha.engine.cursor import starts_at_null
from monynha.engine.selection import MOST_ROWS, Question, Root
from monynha.protocols.graphql.asked import Asked, Later, settled
from monynha.protocols.graphql.collected import Collector
from monynha.protocols.graphql.document import MOST_LONG, Document
from monynha.protocols.graphql.errors import Refused
from monynha.protocols.graphql.planner import TYPENAME, Planner

_BY_VALUE = frozenset({"limit", "orderBy", "if"})
_ABSENT = object()
_MOST = 1000


@dataclass(frozen=True, eq=False)
class Plan:
    """A query, planned: its statement with the binds, and which of its root fields read rows."""

    roots: tuple[Root, ...]
    nullable: frozenset[str]
    """The response keys of the root fields that may be null."""
    text: str
    binds: tuple[object, ...]
    cost: int
    is_light: bool

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """The response keys of the root fields that read rows."""
        return tuple(root.label for root in self.roots if root.selection is not None)

    def values(self, asked: Asked) -> list[object]:
        """Return the values to bind for a request."""
        return [one.of(asked) if isinstance(one, Later) else one for one in self.binds]

    def alone(self, asked: Asked) -> bytes:
        """Return what a query answers without rows: null stands where they would."""
        entries = []
        for root in self.roots:
            value: object = b"null" if root.selection is not None else orjson.dumps(root.text)
            if root.given is not None:
                value = settled(root.given, asked)
            assert isinstance(value, bytes)
            entries.append(orjson.dumps(root.label) + b":" + value)
        return b"{" + b",".join(entries) + b"}"


@dataclass(frozen=True)
class Plans:
    """Plans queries and remembers the latest `most` plans."""

    schema: GraphQLSchema
    compiler: Compiler
    _known: Remembered[Hashable, Plan] = field(default_factory=lambda: Remembered(_MOST))
    _known_long: Remembered[Hashable, Plan] = field(default_factory=lambda: Remembered(MOST_LONG))

    def of(self, document: Document, operation: OperationDefinitionNode, asked: Asked) -> Plan:
        """Return the plan of a query for a request (Refused where it asks for too much)."""
        shape = (document, id(operation), *_shape(document, operation, asked))
        memory = self._known_long if document.is_long else self._known
        known = memory.get(shape)
        if known is None:
            known = self._plan(document, operation, asked)
            memory.keep(shape, known)
        return known

    def _plan(self, document: Document, operation: OperationDefinitionNode, asked: Asked) -> Plan:
        collect = Collector(document.fragments, asked.variables)
        planner = Planner(self.schema, collect, asked)
        query = self.schema.query_type
        assert query is not None
        fields = collect.fields([operation.selection_set])
        roots: list[Root] = []
        nullable: set[str] = set()
        for key, nodes in fields.items():
            name = nodes[0].name.value
            if name == TYPENAME:
                roots.append(Root(key, text=query.name))
            elif name.startswith("__"):
                roots.append(Root(key, given=self._introspection(document, operation, key, nodes)))
            else:
                made = query.fields[name]
                roots.append(Root(key, planner.root(made, nodes, (key,))))
                if not is_non_null_type(made.type):
                    nullable.add(key)
        question = Question(tuple(roots))
        check_cost(question.cost())
        statement = self.compiler.statement(question)
        binds = tuple(statement.arrange(question.binds()))
        return Plan(
            question.roots, frozenset(nullable), statement.text, binds, question.cost(), statement.is_light
        )

    def _introspection(
        self, document: Document, operation: OperationDefinitionNode, key: str, nodes: list[FieldNode]
    ) -> Later | bytes:
        """Return what the schema says of itself, as graphql-core executes it."""
        alone = OperationDefinitionNode(
            operation=OperationType.QUERY,
            variable_definitions=operation.variable_definitions,
            selection_set=SelectionSetNode(selections=tuple(nodes)),
        )
        asked_alone = DocumentNode(definitions=(alone, *document.fragments.values()))

        def read(asked: Asked) -> bytes:
            known: bytes | None = asked.made.get(key)
            if known is None:
                found = execute_sync(self.schema, asked_alone, variable_values=dict(asked.given))
                assert found.data is not None, found.errors
                known = asked.made[key] = orjson.dumps(found.data[key])
            return known

        return Later(read, (key,))


def check_cost(cost: int, most: int = MOST_ROWS) -> None:
    """Refuse what asks for more rows than are answered."""
    if cost > most:
        raise Refused.for_fault(
            BadRequest(
                f"The query asks for up to {cost} rows; at most {most} are answered. "
                "Ask for less, or take a smaller limit.",
                details={"limit": most, "cost": cost, "of": "rows"},
            )
        )


def _shape(document: Document, operation: OperationDefinitionNode, asked: Asked) -> list[Hashable]:
    """Return all of the variables that the statement's text depends on."""
    return [
        _part(document.uses.get(name, frozenset()), asked.variables.coerced.get(name, _ABSENT))
        for name in (one.variable.name.value for one in operation.variable_definitions or ())
    ]


def _part(uses: frozenset[str], value: Any) -> Hashable:
    if value is _ABSENT or value is None:
        return value is None
    if uses & _BY_VALUE:
        return value if isinstance(value, Hashable) else repr(value)
    if "after" in uses:
        return "null" if isinstance(value, str) and starts_at_null(value) else "after"
    if isinstance(value, dict):
        return frozenset(name for name, one in value.items() if one is not None)
    return "given"
