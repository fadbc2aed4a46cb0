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

CollectedFields = dict[str, list[FieldNode]]


@dataclass(frozen=True)
class FieldCollector:
    """Collects fields; every type of the schema is concrete, so a valid fragment always applies."""

    fragments: Mapping[str, FragmentDefinitionNode]
    variables: VariableValues

    def collect(self, selection_sets: Iterable[SelectionSetNode | None]) -> CollectedFields:
        """Return the fields of selection sets by their response keys, in the order of their first asking."""
        fields: CollectedFields = {}
        visited_fragments: set[str] = set()
        for selection_set in selection_sets:
            if selection_set is not None:
                self._collect_into(selection_set, fields, visited_fragments)
        return fields

    def collect_subfields(self, nodes: Iterable[FieldNode]) -> CollectedFields:
        """Return what is asked below fields that share a response key."""
        return self.collect(node.selection_set for node in nodes)

    def _collect_into(
        self, selection_set: SelectionSetNode, fields: CollectedFields, visited_fragments: set[str]
    ) -> None:
        for selection in selection_set.selections:
            if not self._is_included(selection.directives or ()):
                continue
            if isinstance(selection, FieldNode):
                fields.setdefault((selection.alias or selection.name).value, []).append(selection)
            elif isinstance(selection, InlineFragmentNode):
                self._collect_into(selection.selection_set, fields, visited_fragments)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in visited_fragments:
                visited_fragments.add(selection.name.value)
                self._collect_into(self.fragments[selection.name.value].selection_set, fields, visited_fragments)

    def _is_included(self, directives: Iterable[DirectiveNode]) -> bool:
        for directive in directives:
            if directive.name.value == "skip":
                if get_argument_values(GraphQLSkipDirective, directive, self.variables)["if"]:
                    return False
            elif (
                directive.name.value == "include"
                and not (get_argument_values(GraphQLIncludeDirective, directive, self.variables)["if"])
            ):
                return False
        return True
