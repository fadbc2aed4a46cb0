"""What a request brings beside its document: who asks, and the values of its variables."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from graphql import FieldNode, GraphQLField, ListValueNode, ObjectValueNode, ValueNode, VariableNode
from graphql.execution.values import VariableValues, get_argument_values

from monynha.core.actor import Actor
from monynha.core.errors import AppError
from monynha.engine.query.selection import Selection
from monynha.protocols.graphql.errors import RequestError, ResponsePath


@dataclass(frozen=True, eq=False)
class ExecutionContext:
    """Who asks, and with which variables; `made` keeps what was worked out for this request already."""

    actor: Actor
    variables: VariableValues
    raw_variables: Mapping[str, object]
    """The variables as they were sent."""
    cache: dict[Hashable, Any] = field(default_factory=dict)

    def arguments(self, field: GraphQLField, node: FieldNode) -> Mapping[str, Any]:
        """Return the arguments of a field as this request gives them."""
        values: Mapping[str, Any] | None = self.cache.get(id(node))
        if values is None:
            values = self.cache[id(node)] = get_argument_values(field, node, self.variables)
        return values


@dataclass(frozen=True, slots=True)
class ContextValue:
    """A value that every request brings anew; `path` is the field it belongs to."""

    read: Callable[[ExecutionContext], object]
    path: ResponsePath

    def resolve(self, context: ExecutionContext) -> object:
        """Return the value for this request (Refused where it is none)."""
        try:
            return self.read(context)
        except AppError as error:
            raise RequestError.from_error(error, self.path) from None


def resolve_value(value: object, context: ExecutionContext) -> object:
    """Return a value that may have to be read first."""
    return value.resolve(context) if isinstance(value, ContextValue) else value


def resolve_selection(selection: Selection, context: ExecutionContext) -> Selection:
    """Return a selection with all its values read, and those of what hangs on it."""
    return replace(
        selection,
        key=tuple(resolve_value(one, context) for one in selection.key),
        where=tuple(replace(one, value=resolve_value(one.value, context)) for one in selection.where),
        after=tuple(resolve_value(one, context) for one in selection.after),
        offset=resolve_value(selection.offset, context),
        list_digest=resolve_value(selection.list_digest, context),
        relations=tuple(
            replace(one, selection=resolve_selection(one.selection, context)) for one in selection.relations
        ),
        page=None
        if selection.page is None
        else tuple(
            replace(one, selection=one.selection and resolve_selection(one.selection, context))
            for one in selection.page
        ),
    )


@dataclass(frozen=True)
class FieldArguments:
    """The arguments of one field, as this request gives them and as any other would."""

    field: GraphQLField
    node: FieldNode
    values: Mapping[str, Any]

    @classmethod
    def from_node(cls, field: GraphQLField, node: FieldNode, context: ExecutionContext) -> FieldArguments:
        """Read the arguments of a field."""
        return cls(field, node, context.arguments(field, node))

    def reader(self, name: str) -> Callable[[ExecutionContext], Any]:
        """Return what reads an argument from a request of the same shape."""
        node = next((one for one in self.node.arguments or () if one.name.value == name), None)
        constant = self.values.get(name)
        if node is None or not _contains_variable(node.value):
            return lambda asked: constant
        if isinstance(node.value, VariableNode):
            variable = node.value.name.value
            return lambda asked: asked.variables.coerced.get(variable, constant)
        return lambda asked: asked.arguments(self.field, self.node).get(name)


def _contains_variable(value: ValueNode) -> bool:
    """Whether a variable stands somewhere in a value."""
    if isinstance(value, ListValueNode):
        return any(_contains_variable(one) for one in value.values)
    if isinstance(value, ObjectValueNode):
        return any(_contains_variable(one.value) for one in value.fields)
    return isinstance(value, VariableNode)
