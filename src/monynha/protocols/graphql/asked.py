"""What a request brings beside its document: who asks, and the values of its variables."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from graphql import FieldNode, GraphQLField, ListValueNode, ObjectValueNode, ValueNode, VariableNode
from graphql.execution.values import VariableValues, get_argument_values

from monynha.core.actor import Actor
from monynha.core.errors import Fault
from monynha.engine.selection import Selection
from monynha.protocols.graphql.errors import Path, Refused


@dataclass(frozen=True, eq=False)
class Asked:
    """Who asks, and with which variables; `made` keeps what was worked out for this request already."""

    actor: Actor
    variables: VariableValues
    given: Mapping[str, object]
    """The variables as they were sent."""
    made: dict[Hashable, Any] = field(default_factory=dict)

    def arguments(self, made: GraphQLField, node: FieldNode) -> Mapping[str, Any]:
        """Return the arguments of a field as this request gives them."""
        known: Mapping[str, Any] | None = self.made.get(id(node))
        if known is None:
            known = self.made[id(node)] = get_argument_values(made, node, self.variables)
        return known


@dataclass(frozen=True, slots=True)
class Later:
    """A value that every request brings anew; `path` is the field it belongs to."""

    read: Callable[[Asked], object]
    path: Path

    def of(self, asked: Asked) -> object:
        """Return the value for this request (Refused where it is none)."""
        try:
            return self.read(asked)
        except Fault as fault:
            raise Refused.for_fault(fault, self.path) from None


def settled(value: object, asked: Asked) -> object:
    """Return a value that may have to be read first."""
    return value.of(asked) if isinstance(value, Later) else value


def settled_selection(selection: Selection, asked: Asked) -> Selection:
    """Return a selection with all its values read, and those of what hangs on it."""
    return replace(
        selection,
        key=tuple(settled(one, asked) for one in selection.key),
        where=tuple(replace(one, value=settled(one.value, asked)) for one in selection.where),
        after=tuple(settled(one, asked) for one in selection.after),
        offset=settled(selection.offset, asked),
        mark=settled(selection.mark, asked),
        branches=tuple(
            replace(one, selection=settled_selection(one.selection, asked)) for one in selection.branches
        ),
        page=None
        if selection.page is None
        else tuple(
            replace(one, selection=one.selection and settled_selection(one.selection, asked))
            for one in selection.page
        ),
    )


@dataclass(frozen=True)
class Arguments:
    """The arguments of one field, as this request gives them and as any other would."""

    made: GraphQLField
    node: FieldNode
    values: Mapping[str, Any]

    @classmethod
    def of(cls, made: GraphQLField, node: FieldNode, asked: Asked) -> Arguments:
        """Read the arguments of a field."""
        return cls(made, node, asked.arguments(made, node))

    def reader(self, name: str) -> Callable[[Asked], Any]:
        """Return what reads an argument from a request of the same shape."""
        node = next((one for one in self.node.arguments or () if one.name.value == name), None)
        known = self.values.get(name)
        if node is None or not _varies(node.value):
            return lambda asked: known
        if isinstance(node.value, VariableNode):
            variable = node.value.name.value
            return lambda asked: asked.variables.coerced.get(variable, known)
        return lambda asked: asked.arguments(self.made, self.node).get(name)


def _varies(value: ValueNode) -> bool:
    """Whether a variable stands somewhere in a value."""
    if isinstance(value, ListValueNode):
        return any(_varies(one) for one in value.values)
    if isinstance(value, ObjectValueNode):
        return any(_varies(one.value) for one in value.fields)
    return isinstance(value, VariableNode)
