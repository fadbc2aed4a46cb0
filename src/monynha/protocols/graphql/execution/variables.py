"""The values of an operation's variables, as their types want them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphql import GraphQLError, GraphQLSchema, OperationDefinitionNode, get_nullable_type, is_leaf_type
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values

from monynha.core.errors import BadRequestError
from monynha.protocols.graphql.errors import RequestError, variables_error
from monynha.protocols.graphql.limits import MAX_ERRORS, check_variable_values

_LeafReaders = Sequence[tuple[str, GraphQLVariableSignature, Callable[[Any], Any]]]


class VariableReader:
    """Reads the variables of one operation; plain ones without a look at the schema each time."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._operation = operation
        self._leaf_readers = _build_leaf_readers(schema, operation)

    def coerce(self, raw_variables: Mapping[str, Any]) -> VariableValues:
        """Return the values (Refused where they are not of their types)."""
        return self._coerce_leaves(raw_variables) or self._coerce_all(raw_variables)

    def _coerce_leaves(self, raw_variables: Mapping[str, Any]) -> VariableValues | None:
        """Return the values where each is there and good; what is amiss is told by the whole way."""
        if self._leaf_readers is None:
            return None
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for name, signature, coerce in self._leaf_readers:
            value = raw_variables.get(name)
            if value is None:
                return None
            try:
                coerced[name] = coerce(value)
            except Exception:
                # As graphql-core does: whatever a type's own reader raises, the value is not of the type.
                return None
            sources[name] = VariableValueSource(signature, value)
        return VariableValues(sources, coerced)

    def _coerce_all(self, raw_variables: Mapping[str, Any]) -> VariableValues:
        try:
            check_variable_values(self._schema, self._operation, raw_variables)
        except BadRequestError as error:
            raise RequestError.from_error(error) from None
        definitions = self._operation.variable_definitions or ()
        result = get_variable_values(self._schema, definitions, dict(raw_variables), max_errors=MAX_ERRORS)
        if isinstance(result, list):
            raise variables_error(result)
        return result


def _build_leaf_readers(schema: GraphQLSchema, operation: OperationDefinitionNode) -> _LeafReaders | None:
    """Return how each variable is read, where all are scalars or enums."""
    readers = []
    for definition in operation.variable_definitions or ():
        signature = get_variable_signature(schema, definition)
        if isinstance(signature, GraphQLError):
            return None
        leaf_type = get_nullable_type(signature.type)
        if not is_leaf_type(leaf_type):
            return None
        readers.append((signature.name, signature, leaf_type.coerce_input_value))
    return readers
