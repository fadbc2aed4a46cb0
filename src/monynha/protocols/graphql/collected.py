"""Which fields a selection set asks for, merged by response key (GraphQL specification, 6.3.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from graphql import (
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLSkipDirective,
    InlineFragmentNode,
    SelectionSetNode,
)
from graphql.execution.values import VariableValues, get_argument_values

Fields = dict[str, list[FieldNode]]


@dataclass(frozen=True)
class Collector:
    """Collects fields; every type of the schema is concrete, so a valid fragment always applies."""

    fragments: Mapping[str, FragmentDefinitionNode]
    variables: VariableValues

    def fields(self, sets: Iterable[SelectionSetNode | None]) -> Fields:
        """Return the fields of selection sets by their response keys, in the order of their first asking."""
        found: Fields = {}
        seen: set[str] = set()
        for one in sets:
            if one is not None:
                self._collect(one, found, seen)
        return found

    def below(self, nodes: Iterable[FieldNode]) -> Fields:
        """Return what is asked below fields that share a response key."""
        return self.fields(node.selection_set for node in nodes)

    def _collect(self, selections: SelectionSetNode, found: Fields, seen: set[str]) -> None:
        for one in selections.selections:
            if not self._is_wanted(one.directives or ()):
                continue
            if isinstance(one, FieldNode):
                found.setdefault((one.alias or one.name).value, []).append(one)
            elif isinstance(one, InlineFragmentNode):
                self._collect(one.selection_set, found, seen)
            elif isinstance(one, FragmentSpreadNode) and one.name.value not in seen:
                seen.add(one.name.value)
                self._collect(self.fragments[one.name.value].selection_set, found, seen)

    def _is_wanted(self, directives: Iterable[DirectiveNode]) -> bool:
        for one in directives:
            if one.name.value == "skip":
                if get_argument_values(GraphQLSkipDirective, one, self.variables)["if"]:
                    return False
            elif (
                one.name.value == "include"
                and not (get_argument_values(GraphQLIncludeDirective, one, self.variables)["if"])
            ):
                return False
        return True
