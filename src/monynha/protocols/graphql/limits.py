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

from monynha.core.errors import BadRequest

MOST_CHARACTERS = 30_000
MOST_TOKENS = 2_000
MOST_NESTING = 60
MOST_DEPTH = 20
MOST_FIELDS = 500
MOST_ALIASES = 100
MOST_ROOTS = 20
MOST_REPEATS = 50
MOST_INTROSPECTIONS = 1
"""Of the whole schema, which takes the longest of all that a document may ask."""
MOST_VALUES = 2_000
MOST_ERRORS = 20
"""How many are told of a document, or of its variables."""
LONGEST_ALIAS = 63
"""PostgreSQL cuts longer names."""

_BRACKETS = re.compile(r'"""(?:\\"""|[^"]|"(?!""))*"""|"(?:\\.|[^"\\\n])*"|#[^\n\r]*|[{}()\[\]]')


def check_text(text: str) -> None:
    """Refuse a document that is too long, or nested deeper than it can be read."""
    refuse_over("characters", len(text), MOST_CHARACTERS)
    depth = 0
    for count, match in enumerate(_BRACKETS.finditer(text), 1):
        token = match[0]
        if token in "{[(":
            depth += 1
            refuse_over("levels of brackets", depth, MOST_NESTING)
        elif token in "}])":
            depth -= 1
        refuse_over("tokens", count, MOST_TOKENS)


def check_tree(document: DocumentNode) -> None:
    """Refuse a document that is too deep or too wide, with what its fragments stand for."""
    fragments = {
        one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)
    }
    measure = _Measure(fragments)
    for one in document.definitions:
        if isinstance(one, OperationDefinitionNode | FragmentDefinitionNode):
            size = measure.of(one.selection_set, frozenset())
            refuse_over("fields and fragments", size.fields, MOST_FIELDS)
            refuse_over("levels of fields", size.depth, MOST_DEPTH)
            refuse_over("aliases", size.aliases, MOST_ALIASES)
            repeats = sum(measure.repeats(one.selection_set))
            refuse_over("repetitions of a field", repeats, MOST_REPEATS)
        if isinstance(one, OperationDefinitionNode):
            roots = measure.keys(one.selection_set)
            refuse_over("root fields", len(set(roots)), MOST_ROOTS)
            refuse_over("introspections", measure.introspections(one.selection_set), MOST_INTROSPECTIONS)


def check_values(
    schema: GraphQLSchema, operation: OperationDefinitionNode, given: Mapping[str, object]
) -> None:
    """Refuse variables that hold more values than a document could, but for what is free JSON."""
    count = 0
    for one in operation.variable_definitions or ():
        value = given.get(one.variable.name.value)
        if isinstance(value, list | dict):
            count += _values(cast(GraphQLInputType, type_from_ast(schema, one.type)), value)
            refuse_over("values in variables", count, MOST_VALUES)


def _values(kind: GraphQLInputType, value: object) -> int:
    kind = cast(GraphQLInputType, get_nullable_type(kind))
    if isinstance(value, list) and is_list_type(kind):
        refuse_over("values in variables", len(value), MOST_VALUES)
        return sum(_values(kind.of_type, one) for one in value)
    if isinstance(value, dict) and is_input_object_type(kind):
        refuse_over("values in variables", len(value), MOST_VALUES)
        fields = kind.fields
        return sum(_values(fields[name].type, one) if name in fields else 1 for name, one in value.items())
    return 1


def refuse_over(what: str, cost: int, limit: int) -> None:
    """Refuse what costs more than the limit (BadRequest)."""
    if cost > limit:
        raise BadRequest(
            f"The query is too large: it has {cost} {what}, and at most {limit} are answered.",
            details={"limit": limit, "cost": cost, "of": what},
        )


@dataclass(frozen=True)
class _Size:
    fields: int = 0
    depth: int = 0
    aliases: int = 0


class _Measure:
    """Measures selection sets; a fragment is measured once, however often it is spread."""

    def __init__(self, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._sizes: dict[str, _Size] = {}
        self._keys: dict[str, list[str]] = {}

    def of(self, selections: SelectionSetNode, within: frozenset[str]) -> _Size:
        fields = depth = aliases = 0
        for one in selections.selections:
            if isinstance(one, FieldNode):
                inner = self.of(one.selection_set, within) if one.selection_set else _Size()
                size = _Size(1 + inner.fields, 1 + inner.depth, inner.aliases + (one.alias is not None))
                if one.alias is not None:
                    refuse_over("characters in an alias", len(one.alias.value), LONGEST_ALIAS)
            elif isinstance(one, InlineFragmentNode):
                inner = self.of(one.selection_set, within)
                size = _Size(1 + inner.fields, inner.depth, inner.aliases)
            else:
                assert isinstance(one, FragmentSpreadNode)
                inner = self._spread(one.name.value, within)
                size = _Size(1 + inner.fields, inner.depth, inner.aliases)
            fields, aliases = fields + size.fields, aliases + size.aliases
            depth = max(depth, size.depth)
        return _Size(fields, depth, aliases)

    def _spread(self, name: str, within: frozenset[str]) -> _Size:
        if name in within:
            raise BadRequest(f"The fragment {name[:100]} spreads itself.")
        if name not in self._fragments:
            # Validation tells it.
            return _Size()
        if name not in self._sizes:
            self._sizes[name] = self.of(self._fragments[name].selection_set, within | {name})
        return self._sizes[name]

    def repeats(self, selections: SelectionSetNode) -> Iterator[int]:
        """Yield for each set below how often its keys are asked once more."""
        keys = Counter(self.keys(selections))
        yield sum(keys.values()) - len(keys)
        for one in selections.selections:
            inner = getattr(one, "selection_set", None)
            if inner is not None:
                yield from self.repeats(inner)

    def keys(self, selections: SelectionSetNode) -> list[str]:
        """Return the response keys of a set, fragments opened; what was measured has no rings."""
        found: list[str] = []
        for one in selections.selections:
            if isinstance(one, FieldNode):
                found.append((one.alias or one.name).value)
            elif isinstance(one, InlineFragmentNode):
                found += self.keys(one.selection_set)
            elif isinstance(one, FragmentSpreadNode):
                found += self._fragment_keys(one.name.value)
        return found

    def _fragment_keys(self, name: str) -> list[str]:
        if name not in self._keys:
            fragment = self._fragments.get(name)
            self._keys[name] = [] if fragment is None else self.keys(fragment.selection_set)
        return self._keys[name]

    def introspections(self, selections: SelectionSetNode) -> int:
        """Return how often the whole schema is asked for: each alias within asks once more."""
        count = 0
        for one in selections.selections:
            if isinstance(one, FieldNode):
                if one.name.value.startswith("__") and one.selection_set is not None:
                    count += one.name.value == "__schema"
                    count += self.of(one.selection_set, frozenset()).aliases
            elif isinstance(one, InlineFragmentNode):
                count += self.introspections(one.selection_set)
            elif isinstance(one, FragmentSpreadNode) and one.name.value in self._fragments:
                count += self.introspections(self._fragments[one.name.value].selection_set)
        return count
