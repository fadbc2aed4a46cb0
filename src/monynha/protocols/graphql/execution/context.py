"""The context of one request: the caller, the variables, and the argument values that depend on them.

A plan is shared by all requests of the same shape. Where a value differs between them, the plan holds a
`ContextParameter`, which reads the value from the context of the request at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from graphql import FieldNode, GraphQLField, ListValueNode, ObjectValueNode, ValueNode, VariableNode
from graphql.execution.values import VariableValues, get_argument_values

from monynha.core.actor import Actor
from monynha.core.errors import AppError
from monynha.core.serialization import parse_uuid
from monynha.engine.query.selection import Selection
from monynha.protocols.graphql.errors import RequestError, ResponsePath


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request, and from where."""

    actor: Actor
    request_id: str
    client_ip: str
    user_agent: str = ""


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


@dataclass(frozen=True, slots=True)
class ContextParameter:
    """A value that is read anew for each request; `path` is the response path of its field."""

    read: ArgumentReader
    path: ResponsePath

    def resolve(self, context: ExecutionContext) -> object:
        """Return the value for a request (RequestError with the path where it is invalid)."""
        try:
            return self.read(context)
        except AppError as error:
            raise RequestError.from_error(error, self.path) from None


def resolve_value(value: object, context: ExecutionContext) -> object:
    """Return a value, read from the request where it is a parameter."""
    return value.resolve(context) if isinstance(value, ContextParameter) else value


def resolve_selection(selection: Selection, context: ExecutionContext) -> Selection:
    """Return a selection with all its parameters replaced by their values, those of nested selections too."""
    return replace(
        selection,
        key=tuple(resolve_value(value, context) for value in selection.key),
        where=tuple(replace(condition, value=resolve_value(condition.value, context)) for condition in selection.where),
        after=tuple(resolve_value(value, context) for value in selection.after),
        offset=resolve_value(selection.offset, context),
        list_digest=resolve_value(selection.list_digest, context),
        relations=tuple(
            replace(relation, selection=resolve_selection(relation.selection, context))
            for relation in selection.relations
        ),
        page=None
        if selection.page is None
        else tuple(
            replace(page_field, selection=resolve_selection(page_field.selection, context))
            if page_field.selection is not None
            else page_field
            for page_field in selection.page
        ),
    )


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

    def id_parameter(self, name: str, path: ResponsePath) -> ContextParameter:
        """Return the UUID of an id argument as a parameter; `me` is the caller, None where it is no UUID."""
        read = self.reader(name)

        def resolve(context: ExecutionContext) -> object:
            text = read(context)
            if text == "me":
                return context.actor.id
            return parse_uuid(text) if isinstance(text, str) else None

        return ContextParameter(resolve, path)


def _contains_variable(value: ValueNode) -> bool:
    if isinstance(value, ListValueNode):
        return any(_contains_variable(item) for item in value.values)
    if isinstance(value, ObjectValueNode):
        return any(_contains_variable(field.value) for field in value.fields)
    return isinstance(value, VariableNode)
