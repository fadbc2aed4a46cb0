"""What a document may cost before anything of it is executed; each refusal says the limit and the cost.

The text is measured before it is parsed, since the parser recurses; the tree before it is validated, since
some rules compare every field with every other.
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
"""Of the whole schema, which takes the longest of all that a document may ask."""
MAX_VARIABLE_VALUES = 2_000
MAX_ERRORS = 20
"""How many are told of a document, or of its variables."""
MAX_ALIAS_LENGTH = 63
"""PostgreSQL cuts longer names."""

_BRACKETS = re.compile(r'"""(?:\\"""|[^"]|"(?!""))*"""|"(?:\\.|[^"\\\n])*"|#[^\n\r]*|[{}()\[\]]')


def check_text(text: str) -> None:
    """Refuse a document that is too long, or nested deeper than it can be read."""
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
    """Refuse a document that is too deep or too wide, with what its fragments stand for."""
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    meter = _SelectionMeter(fragments)
    for one in document.definitions:
        if isinstance(one, OperationDefinitionNode | FragmentDefinitionNode):
            size = meter.measure(one.selection_set, frozenset())
            check_limit("fields and fragments", size.fields, MAX_FIELDS)
            check_limit("levels of fields", size.depth, MAX_FIELD_DEPTH)
            check_limit("aliases", size.aliases, MAX_ALIASES)
            repeats = sum(meter.repetitions(one.selection_set))
            check_limit("repetitions of a field", repeats, MAX_REPEATED_FIELDS)
        if isinstance(one, OperationDefinitionNode):
            root_keys = meter.response_keys(one.selection_set)
            check_limit("root fields", len(set(root_keys)), MAX_ROOT_FIELDS)
            check_limit("introspections", meter.count_introspections(one.selection_set), MAX_INTROSPECTIONS)


def check_variable_values(
    schema: GraphQLSchema, operation: OperationDefinitionNode, raw_variables: Mapping[str, object]
) -> None:
    """Refuse variables that hold more values than a document could, but for what is free JSON."""
    count = 0
    for definition in operation.variable_definitions or ():
        value = raw_variables.get(definition.variable.name.value)
        if isinstance(value, list | dict):
            count += _count_values(cast(GraphQLInputType, type_from_ast(schema, definition.type)), value)
            check_limit("values in variables", count, MAX_VARIABLE_VALUES)


def _count_values(input_type: GraphQLInputType, value: object) -> int:
    input_type = cast(GraphQLInputType, get_nullable_type(input_type))
    if isinstance(value, list) and is_list_type(input_type):
        check_limit("values in variables", len(value), MAX_VARIABLE_VALUES)
        return sum(_count_values(input_type.of_type, one) for one in value)
    if isinstance(value, dict) and is_input_object_type(input_type):
        check_limit("values in variables", len(value), MAX_VARIABLE_VALUES)
        fields = input_type.fields
        return sum(_count_values(fields[name].type, one) if name in fields else 1 for name, one in value.items())
    return 1


def check_limit(unit: str, cost: int, limit: int) -> None:
    """Refuse what costs more than the limit (BadRequest)."""
    if cost > limit:
        raise BadRequestError(
            f"The query is too large: it has {cost} {unit}, and at most {limit} are answered.",
            details={"limit": limit, "cost": cost, "of": unit},
        )


@dataclass(frozen=True)
class _SelectionSize:
    fields: int = 0
    depth: int = 0
    aliases: int = 0


class _SelectionMeter:
    """Measures selection sets; a fragment is measured once, however often it is spread."""

    def __init__(self, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._sizes: dict[str, _SelectionSize] = {}
        self._keys: dict[str, list[str]] = {}

    def measure(self, selection_set: SelectionSetNode, open_fragments: frozenset[str]) -> _SelectionSize:
        fields = depth = aliases = 0
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode):
                nested = (
                    self.measure(selection.selection_set, open_fragments)
                    if selection.selection_set
                    else _SelectionSize()
                )
                size = _SelectionSize(
                    1 + nested.fields, 1 + nested.depth, nested.aliases + (selection.alias is not None)
                )
                if selection.alias is not None:
                    check_limit("characters in an alias", len(selection.alias.value), MAX_ALIAS_LENGTH)
            elif isinstance(selection, InlineFragmentNode):
                nested = self.measure(selection.selection_set, open_fragments)
                size = _SelectionSize(1 + nested.fields, nested.depth, nested.aliases)
            else:
                assert isinstance(selection, FragmentSpreadNode)
                nested = self._measure_fragment(selection.name.value, open_fragments)
                size = _SelectionSize(1 + nested.fields, nested.depth, nested.aliases)
            fields, aliases = fields + size.fields, aliases + size.aliases
            depth = max(depth, size.depth)
        return _SelectionSize(fields, depth, aliases)

    def _measure_fragment(self, name: str, open_fragments: frozenset[str]) -> _SelectionSize:
        if name in open_fragments:
            raise BadRequestError(f"The fragment {name[:100]} spreads itself.")
        if name not in self._fragments:
            # Validation tells it.
            return _SelectionSize()
        if name not in self._sizes:
            self._sizes[name] = self.measure(self._fragments[name].selection_set, open_fragments | {name})
        return self._sizes[name]

    def repetitions(self, selection_set: SelectionSetNode) -> Iterator[int]:
        """Yield for each set below how often its keys are asked once more."""
        keys = Counter(self.response_keys(selection_set))
        yield sum(keys.values()) - len(keys)
        for selection in selection_set.selections:
            nested = getattr(selection, "selection_set", None)
            if nested is not None:
                yield from self.repetitions(nested)

    def response_keys(self, selection_set: SelectionSetNode) -> list[str]:
        """Return the response keys of a set, fragments opened; what was measured has no rings."""
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
        """Return how often the whole schema is asked for: each alias within asks once more."""
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
