"""Limits on the size of documents and variables, checked before anything is executed.

The text is measured before it is parsed, since the parser recurses; the syntax tree is measured before it is
validated, since some validation rules compare every field with every other. Each error states the limit and the
measured size.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInputType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_nullable_type,
    is_input_object_type,
    is_list_type,
    type_from_ast,
)

from monynha.core.errors import BadRequestError

MAX_CHARACTERS = 30_000
MAX_TOKENS = 2_000
MAX_BRACKET_DEPTH = 60
MAX_FIELD_DEPTH = 20
MAX_FIELDS = 500
MAX_ALIASES = 100
MAX_ROOT_FIELDS = 20
MAX_REPEATED_FIELDS = 50
MAX_INTROSPECTIONS = 1
"""Introspecting the whole schema takes longer than anything else a document of this size can ask for."""
MAX_VARIABLE_VALUES = 2_000
MAX_ERRORS = 20
"""How many errors are reported for a document, or for its variables."""
MAX_ALIAS_LENGTH = 63
"""PostgreSQL truncates longer identifiers."""

_BRACKETS = re.compile(r'"""(?:\\"""|[^"]|"(?!""))*"""|"(?:\\.|[^"\\\n])*"|#[^\n\r]*|[{}()\[\]]')


def check_text(text: str) -> None:
    """Raise BadRequestError for a document that is too long, or nested too deep for the parser."""
    check_limit("characters", len(text), MAX_CHARACTERS)
    depth = 0
    for count, match in enumerate(_BRACKETS.finditer(text), 1):
        token = match[0]
        if token in "{[(":
            depth += 1
            check_limit("levels of brackets", depth, MAX_BRACKET_DEPTH)
        elif token in "}])":
            depth -= 1
        check_limit("tokens", count, MAX_TOKENS)


def check_document(document: DocumentNode) -> None:
    """Raise BadRequestError for a document that is too deep or too wide once its fragments are expanded."""
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    meter = _SelectionMeter(fragments)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode):
            size = meter.measure(definition.selection_set, frozenset())
            check_limit("fields and fragments", size.fields, MAX_FIELDS)
            check_limit("levels of fields", size.depth, MAX_FIELD_DEPTH)
            check_limit("aliases", size.aliases, MAX_ALIASES)
            repetitions = sum(meter.repetitions(definition.selection_set))
            check_limit("repetitions of a field", repetitions, MAX_REPEATED_FIELDS)
        if isinstance(definition, OperationDefinitionNode):
            root_keys = set(meter.response_keys(definition.selection_set))
            check_limit("root fields", len(root_keys), MAX_ROOT_FIELDS)
            introspections = meter.count_introspections(definition.selection_set)
            check_limit("introspections", introspections, MAX_INTROSPECTIONS)


def check_variable_values(
    schema: GraphQLSchema, operation: OperationDefinitionNode, raw_variables: Mapping[str, object]
) -> None:
    """Raise BadRequestError for variables with more values than a document could hold; free JSON counts once."""
    count = 0
    for definition in operation.variable_definitions or ():
        value = raw_variables.get(definition.variable.name.value)
        if isinstance(value, list | dict):
            # Validation has made sure that a variable's type exists and is an input type.
            count += _count_values(cast(GraphQLInputType, type_from_ast(schema, definition.type)), value)
            check_limit("values in variables", count, MAX_VARIABLE_VALUES)


def _count_values(input_type: GraphQLInputType, value: object) -> int:
    # The nullable form of an input type is an input type; graphql-core's signature does not say so.
    input_type = cast(GraphQLInputType, get_nullable_type(input_type))
    if isinstance(value, list) and is_list_type(input_type):
        check_limit("values in variables", len(value), MAX_VARIABLE_VALUES)
        return sum(_count_values(input_type.of_type, item) for item in value)
    if isinstance(value, dict) and is_input_object_type(input_type):
        check_limit("values in variables", len(value), MAX_VARIABLE_VALUES)
        fields = input_type.fields
        return sum(_count_values(fields[name].type, item) if name in fields else 1 for name, item in value.items())
    return 1


def check_limit(unit: str, cost: int, limit: int) -> None:
    """Raise BadRequestError if the cost exceeds the limit; `unit` names what is counted."""
    if cost > limit:
        raise BadRequestError(
            f"The query is too large: it has {cost} {unit}, and at most {limit} are allowed.",
            details={"limit": limit, "cost": cost, "of": unit},
        )


@dataclass(frozen=True)
class _SelectionSize:
    fields: int = 0
    depth: int = 0
    aliases: int = 0


class _SelectionMeter:
    """Measures selection sets; each fragment is measured once, however often it is spread."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._sizes: dict[str, _SelectionSize] = {}
        self._keys: dict[str, list[str]] = {}

    def measure(self, selection_set: SelectionSetNode, open_fragments: frozenset[str]) -> _SelectionSize:
        fields = depth = aliases = 0
        for selection in selection_set.selections:
            nested, own_depth, own_aliases = _SelectionSize(), 0, 0
            if isinstance(selection, FieldNode):
                own_depth = 1
                if selection.selection_set is not None:
                    nested = self.measure(selection.selection_set, open_fragments)
                if selection.alias is not None:
                    own_aliases = 1
                    check_limit("characters in an alias", len(selection.alias.value), MAX_ALIAS_LENGTH)
            elif isinstance(selection, InlineFragmentNode):
                nested = self.measure(selection.selection_set, open_fragments)
            elif isinstance(selection, FragmentSpreadNode):
                nested = self._measure_fragment(selection.name.value, open_fragments)
            fields += 1 + nested.fields
            depth = max(depth, own_depth + nested.depth)
            aliases += own_aliases + nested.aliases
        return _SelectionSize(fields, depth, aliases)

    def _measure_fragment(self, name: str, open_fragments: frozenset[str]) -> _SelectionSize:
        if name in open_fragments:
            raise BadRequestError(f"The fragment {name[:100]} spreads itself.")
        if name not in self._fragments:
            # Reported by validation.
            return _SelectionSize()
        if name not in self._sizes:
            self._sizes[name] = self.measure(self._fragments[name].selection_set, open_fragments | {name})
        return self._sizes[name]

    def repetitions(self, selection_set: SelectionSetNode) -> Iterator[int]:
        """Yield, for each nested selection set, how many of its fields repeat a response key."""
        keys = Counter(self.response_keys(selection_set))
        yield sum(keys.values()) - len(keys)
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode | InlineFragmentNode) and selection.selection_set is not None:
                yield from self.repetitions(selection.selection_set)

    def response_keys(self, selection_set: SelectionSetNode) -> list[str]:
        """Return the response keys of a set with its fragments expanded; `measure` has excluded cycles."""
        keys: list[str] = []
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode):
                keys.append((selection.alias or selection.name).value)
            elif isinstance(selection, InlineFragmentNode):
                keys += self.response_keys(selection.selection_set)
            elif isinstance(selection, FragmentSpreadNode):
                keys += self._fragment_keys(selection.name.value)
        return keys

    def _fragment_keys(self, name: str) -> list[str]:
        if name not in self._keys:
            fragment = self._fragments.get(name)
            self._keys[name] = [] if fragment is None else self.response_keys(fragment.selection_set)
        return self._keys[name]

    def count_introspections(self, selection_set: SelectionSetNode) -> int:
        """Count how often the whole schema is requested; each alias inside an introspection counts again."""
        count = 0
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode):
                if selection.name.value.startswith("__") and selection.selection_set is not None:
                    count += selection.name.value == "__schema"
                    count += self.measure(selection.selection_set, frozenset()).aliases
            elif isinstance(selection, InlineFragmentNode):
                count += self.count_introspections(selection.selection_set)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value in self._fragments:
                count += self.count_introspections(self._fragments[selection.name.value].selection_set)
        return count
