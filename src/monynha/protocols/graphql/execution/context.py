"""The context of one request: the caller, the variables, and the argument values that depend on them.

A plan is shared by all requests of the same shape. Where a value differs between them, the plan holds a `Parameter`,
which reads the value from the context of the request at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from graphql import FieldNode, GraphQLField, ListValueNode, ObjectValueNode, ValueNode, VariableNode
from graphql.execution.values import VariableValues, get_argument_values

from monynha.core.actor import Actor
from monynha.core.errors import AppError
from monynha.core.serialization import parse_uuid
from monynha.engine.query.parameter import Parameter
from monynha.protocols.graphql.errors import RequestError, ResponsePath


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request, and from where."""

    actor: Actor
    request_id: str
    client_ip: str
    user_agent: str = ""
    accept_language: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class ExecutionContext:
    """The caller and the variables of one request, with what was computed for it."""

    caller: Caller
    variables: VariableValues
    raw_variables: Mapping[str, object]
    """The variables as they were sent."""
    introspections: dict[str, bytes] = field(default_factory=dict)
    """JSON of the introspection fields, by response key."""
    _arguments: dict[int, Mapping[str, object]] = field(default_factory=dict)

    @property
    def actor(self) -> Actor:
        """The caller's identity."""
        return self.caller.actor

    def arguments(self, field: GraphQLField, node: FieldNode) -> Mapping[str, object]:
        """Return the coerced arguments of a field; they are coerced once per request."""
        values = self._arguments.get(id(node))
        if values is None:
            values = self._arguments[id(node)] = get_argument_values(field, node, self.variables)
        return values


ArgumentReader = Callable[[ExecutionContext], object]


def context_parameter(read: ArgumentReader, path: ResponsePath) -> Parameter[ExecutionContext]:
    """Return a parameter that is read for each request, with errors reported at the path of its field."""

    def resolve(context: ExecutionContext) -> object:
        try:
            return read(context)
        except AppError as error:
            raise RequestError.from_error(error, path) from None

    return Parameter(resolve)


@dataclass(frozen=True, slots=True)
class FieldArguments:
    """The arguments of one field: their values for this request, and how to read them from any other."""

    field: GraphQLField
    node: FieldNode
    values: Mapping[str, object]

    @classmethod
    def from_node(cls, field: GraphQLField, node: FieldNode, context: ExecutionContext) -> FieldArguments:
        """Coerce the arguments of a field."""
        return cls(field, node, context.arguments(field, node))

    def is_given(self, name: str) -> bool:
        """Whether the document names the argument."""
        return any(argument.name.value == name for argument in self.node.arguments or ())

    def reader(self, name: str) -> ArgumentReader:
        """Return a function that reads the argument from a request of the same shape."""
        node = next((argument for argument in self.node.arguments or () if argument.name.value == name), None)
        constant = self.values.get(name)
        if node is None or not _contains_variable(node.value):
            return lambda context: constant
        if isinstance(node.value, VariableNode):
            variable = node.value.name.value
            return lambda context: context.variables.coerced.get(variable, constant)
        return lambda context: context.arguments(self.field, self.node).get(name)

    def id_parameter(self, name: str, path: ResponsePath) -> Parameter[ExecutionContext]:
        """Return the UUID of an id argument as a parameter; `me` is the caller, None if it is no UUID."""
        read = self.reader(name)

        def resolve(context: ExecutionContext) -> object:
            text = read(context)
            if text == "me":
                return context.actor.id
            return parse_uuid(text) if isinstance(text, str) else None

        return context_parameter(resolve, path)


def _contains_variable(value: ValueNode) -> bool:
    if isinstance(value, ListValueNode):
        return any(_contains_variable(item) for item in value.values)
    if isinstance(value, ObjectValueNode):
        return any(_contains_variable(field.value) for field in value.fields)
    return isinstance(value, VariableNode)
