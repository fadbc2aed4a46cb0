"""A document becomes a question: fields to selections, arguments to their limits, orders and values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import cast

from graphql import FieldNode, GraphQLField, GraphQLObjectType, GraphQLSchema, get_named_type

from monynha.core.serialization import to_camel_case
from monynha.engine.query.selection import PageField, SelectedField, SelectedRelation, Selection
from monynha.engine.schema.resource import Resource
from monynha.protocols.graphql.errors import ResponsePath
from monynha.protocols.graphql.execution.collect_fields import CollectedFields, FieldCollector
from monynha.protocols.graphql.execution.context import ExecutionContext, FieldArguments
from monynha.protocols.graphql.execution.list_arguments import id_parameter, plan_list
from monynha.protocols.graphql.schema.field_bindings import (
    ColumnBinding,
    ListBinding,
    PageFieldBinding,
    RowBinding,
    binding_of,
)
from monynha.protocols.graphql.schema.input_types import DEFAULT_RELATION_LIMIT, DEFAULT_ROOT_LIMIT

TYPENAME = "__typename"


@dataclass(frozen=True)
class SelectionPlanner:
    """Plans one operation for requests of one shape; `asked` is the first of them."""

    schema: GraphQLSchema
    collector: FieldCollector
    context: ExecutionContext

    def plan_root_field(self, field: GraphQLField, nodes: list[FieldNode], path: ResponsePath) -> Selection:
        """Return the selection of a root field that asks for rows."""
        binding = binding_of(field)
        arguments = FieldArguments.from_node(field, nodes[0], self.context)
        if isinstance(binding, RowBinding):
            return self.plan_row(binding.resource, nodes, path, key=key_parameters(binding.resource, arguments, path))
        assert isinstance(binding, ListBinding)
        return self._plan_list(binding, arguments, nodes, path)

    def plan_row(
        self, resource: Resource, nodes: list[FieldNode], path: ResponsePath, *, key: tuple[object, ...] = ()
    ) -> Selection:
        """Return the selection of one row that shows what is asked below the fields."""
        row_type = cast(GraphQLObjectType, self.schema.type_map[_type_name(resource)])
        return self._plan_fields(
            Selection(resource, (), key=key), row_type, self.collector.collect_subfields(nodes), path
        )

    def _plan_list(
        self, binding: ListBinding, arguments: FieldArguments, nodes: list[FieldNode], path: ResponsePath
    ) -> Selection:
        default_limit = DEFAULT_ROOT_LIMIT if binding.relation is None else DEFAULT_RELATION_LIMIT
        selection = plan_list(binding.resource, arguments, self.context, path, default_limit=default_limit)
        object_type = cast(GraphQLObjectType, get_named_type(arguments.field.type))
        fields = self.collector.collect_subfields(nodes)
        if not binding.is_page:
            return self._plan_fields(selection, object_type, fields, path)
        return replace(selection, page=tuple(self._plan_page_fields(binding.resource, object_type, fields, path)))

    def _plan_page_fields(
        self, resource: Resource, page_type: GraphQLObjectType, fields: CollectedFields, path: ResponsePath
    ) -> Iterable[PageField]:
        for key, nodes in fields.items():
            name = nodes[0].name.value
            if name == TYPENAME:
                yield PageField(key, "text", text=page_type.name)
                continue
            binding: PageFieldBinding = binding_of(page_type.fields[name])
            nested = self.plan_row(resource, nodes, (*path, key)) if binding.kind == "nodes" else None
            yield PageField(key, binding.kind, nested)

    def _plan_fields(
        self, selection: Selection, row_type: GraphQLObjectType, fields: CollectedFields, path: ResponsePath
    ) -> Selection:
        field_nodes: list[SelectedField] = []
        relation_nodes: list[SelectedRelation] = []
        for key, nodes in fields.items():
            name = nodes[0].name.value
            if name == TYPENAME:
                field_nodes.append(SelectedField(key, text=row_type.name))
                continue
            field = row_type.fields[name]
            binding = binding_of(field)
            if isinstance(binding, ColumnBinding):
                field_nodes.append(SelectedField(key, binding.name))
            else:
                relation_nodes.append(self._plan_relation(key, field, nodes, (*path, key)))
        return replace(selection, fields=tuple(field_nodes), relations=tuple(relation_nodes), labels=tuple(fields))

    def _plan_relation(
        self, key: str, field: GraphQLField, nodes: list[FieldNode], path: ResponsePath
    ) -> SelectedRelation:
        binding: RowBinding | ListBinding = binding_of(field)
        assert binding.relation is not None
        if isinstance(binding, RowBinding):
            return SelectedRelation(key, binding.relation, self.plan_row(binding.resource, nodes, path))
        arguments = FieldArguments.from_node(field, nodes[0], self.context)
        return SelectedRelation(key, binding.relation, self._plan_list(binding, arguments, nodes, path))


def key_parameters(resource: Resource, arguments: FieldArguments, path: ResponsePath) -> tuple[object, ...]:
    """Return the primary key that a field's arguments name."""
    if not resource.is_nested:
        return (id_parameter(arguments.reader("id"), path),)
    return tuple(id_parameter(arguments.reader(to_camel_case(one.name)), path) for one in resource.primary_key)


def _type_name(resource: Resource) -> str:
    return resource.type_name
