"""The values of an operation's variables, as their types want them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphql import GraphQLError, GraphQLSchema, OperationDefinitionNode, get_nullable_type, is_leaf_type
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values

from monynha.core.errors import BadRequest
from monynha.protocols.graphql.errors import Refused, refused_variables
from monynha.protocols.graphql.limits import MOST_ERRORS, check_values

_Plain = Sequence[tuple[str, GraphQLVariableSignature, Callable[[Any], Any]]]


class Variables:
    """Reads the variables of one operation; plain ones without a look at the schema each time."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._operation = operation
        self._plain = _plain(schema, operation)

    def read(self, given: Mapping[str, Any]) -> VariableValues:
        """Return the values (Refused where they are not of their types)."""
        return self._read_plain(given) or self._read(given)

    def _read_plain(self, given: Mapping[str, Any]) -> VariableValues | None:
        """Return the values where each is there and good; what is amiss is told by the whole way."""
        if self._plain is None:
            return None
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for name, signature, coerce in self._plain:
            value = given.get(name)
            if value is None:
                return None
            try:
                coerced[name] = coerce(value)
            except Exception:
                # As graphql-core does: whatever a type's own reader raises, the value is not of the type.
                return None
            sources[name] = VariableValueSource(signature, value)
        return VariableValues(sources, coerced)

    def _read(self, given: Mapping[str, Any]) -> VariableValues:
        try:
            check_values(self._schema, self._operation, given)
        except BadRequest as fault:
            raise Refused.for_fault(fault) from None
        definitions = self._operation.variable_definitions or ()
        found = get_variable_values(self._schema, definitions, dict(given), max_errors=MOST_ERRORS)
        if isinstance(found, list):
            raise refused_variables(found)
        return found


def _plain(schema: GraphQLSchema, operation: OperationDefinitionNode) -> _Plain | None:
    """Return how each variable is read, where all are scalars or enums."""
    found = []
    for one in operation.variable_definitions or ():
        signature = get_variable_signature(schema, one)
        if isinstance(signature, GraphQLError):
            return None
        kind = get_nullable_type(signature.type)
        if not is_leaf_type(kind):
            return None
        found.append((signature.name, signature, kind.coerce_input_value))
    return found
