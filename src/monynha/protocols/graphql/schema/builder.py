"""The schema: queries, mutations and subscriptions of every resource, derived from the catalog."""

from __future__ import annotations

from collections.abc import Iterable

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLField,
    GraphQLID,
    GraphQLInt,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    print_schema,
)

from monynha.engine.schema.catalog import Catalog
from monynha.engine.schema.ephemeral import EphemeralEvent
from monynha.engine.schema.resource import Resource
from monynha.protocols.graphql.schema.field_bindings import (
    ApiSchema,
    BoundField,
    BoundFields,
    BulkAction,
    CreateBinding,
    CustomMutation,
    DeleteBinding,
    DomainMutation,
    FieldBindings,
    ListBinding,
    MutationBinding,
    QueryBinding,
    ReferenceAction,
    RowAction,
    RowBinding,
    UpdateBinding,
    plain_fields,
)
from monynha.protocols.graphql.schema.object_types import ObjectTypes
from monynha.protocols.graphql.subscriptions.schema import SubscriptionFields

CustomMutations = dict[tuple[str, str], CustomMutation]
"""The domains' own mutations, by operation and the resource's plural."""


def build_schema(
    catalog: Catalog,
    custom_mutations: Iterable[DomainMutation] = (),
    ephemeral_events: Iterable[EphemeralEvent] = (),
) -> ApiSchema:
    """Return the schema of all resources; `custom_mutations` are those that domains implement themselves."""
    custom_mutations = tuple(custom_mutations)
    bindings = FieldBindings()
    object_types = ObjectTypes(catalog, bindings)
    mutations_by_resource: CustomMutations = {
        (mutation.operation, mutation.resource.plural): mutation
        for mutation in custom_mutations
        if isinstance(mutation, CustomMutation)
    }
    for resource in catalog.resources.values():
        bindings.queries.update(_query_fields(object_types, resource))
        bindings.mutations.update(_mutation_fields(object_types, resource, mutations_by_resource))
    for action in custom_mutations:
        if isinstance(action, BulkAction):
            field = GraphQLField(GraphQLNonNull(GraphQLInt), description=action.description)
            bindings.mutations[action.name] = BoundField(field, action)
        elif isinstance(action, RowAction):
            bindings.mutations[action.name] = _row_action_field(object_types, action)
        elif isinstance(action, ReferenceAction):
            bindings.mutations[action.name] = _reference_action_field(object_types, action)
    bindings.subscriptions.update(SubscriptionFields(object_types, catalog, bindings).make(ephemeral_events))
    return ApiSchema(
        GraphQLObjectType("Query", plain_fields(bindings.queries), description="Reads."),
        GraphQLObjectType(
            "Mutation", plain_fields(bindings.mutations), description="Writes, executed one after the other."
        ),
        GraphQLObjectType(
            "Subscription",
            plain_fields(bindings.subscriptions),
            description="Events; a subscription has one root field.",
        )
        if bindings.subscriptions
        else None,
        bindings=bindings,
    )


def _row_action_field(object_types: ObjectTypes, action: RowAction) -> BoundField[MutationBinding]:
    field = GraphQLField(
        GraphQLNonNull(object_types.row_types[action.resource.plural]),
        args=object_types.input_types.key_arguments(action.resource),
        description=action.description,
    )
    return BoundField(field, action)


def _reference_action_field(object_types: ObjectTypes, action: ReferenceAction) -> BoundField[MutationBinding]:
    row_type = object_types.row_types[action.resource.plural] if action.returns_row else GraphQLBoolean
    argument = GraphQLArgument(GraphQLNonNull(GraphQLID), description=action.argument_doc)
    field = GraphQLField(GraphQLNonNull(row_type), args={action.argument: argument}, description=action.description)
    return BoundField(field, action)


def print_sdl(schema: GraphQLSchema) -> str:
    """Return the schema in the schema definition language."""
    return print_schema(schema) + "\n"


def _query_fields(object_types: ObjectTypes, resource: Resource) -> BoundFields[QueryBinding]:
    fields: BoundFields[QueryBinding] = {}
    if "list" in resource.operations:
        doc = f"All {resource.plural} that you can see, newest first."
        plain, page = object_types.list_fields(resource, doc, None)
        fields[resource.plural] = BoundField(plain, ListBinding(resource))
        fields[f"{resource.plural}Page"] = BoundField(page, ListBinding(resource, is_page=True))
    if "read" in resource.operations:
        field = GraphQLField(
            object_types.row_types[resource.plural],
            args=object_types.input_types.key_arguments(resource),
            description=f"The {resource.singular}, or null if there is none that you can see.",
        )
        fields[resource.singular] = BoundField(field, RowBinding(resource))
    return fields


def _mutation_fields(
    object_types: ObjectTypes, resource: Resource, custom_mutations: CustomMutations
) -> BoundFields[MutationBinding]:
    input_types, noun, type_name = object_types.input_types, resource.singular, resource.type_name
    row_type = GraphQLNonNull(object_types.row_types[resource.plural])
    fields: BoundFields[MutationBinding] = {}
    custom = custom_mutations.get(("create", resource.plural))
    if "create" in resource.operations or custom is not None:
        input_type = input_types.create_input(
            resource,
            None if custom is None else custom.field_inputs,
            {} if custom is None else custom.text_inputs,
        )
        arguments = {
            **input_types.parent_arguments(resource),
            "input": GraphQLArgument(GraphQLNonNull(input_type), description=f"The new {noun}."),
        }
        field = GraphQLField(row_type, args=arguments, description=f"Create a {noun}.")
        fields[f"create{type_name}"] = BoundField(field, CreateBinding(resource, custom))
    custom = custom_mutations.get(("update", resource.plural))
    if "update" in resource.operations or custom is not None:
        text_inputs, flag_inputs = ({}, {}) if custom is None else (custom.text_inputs, custom.flag_inputs)
        input_type = input_types.update_input(resource, text_inputs, flag_inputs)
        arguments = {
            **input_types.key_arguments(resource),
            "input": GraphQLArgument(GraphQLNonNull(input_type), description="What to change."),
        }
        field = GraphQLField(row_type, args=arguments, description=f"Update a {noun}.")
        fields[f"update{type_name}"] = BoundField(field, UpdateBinding(resource, custom))
    custom = custom_mutations.get(("delete", resource.plural))
    if "delete" in resource.operations or custom is not None:
        arguments = {**input_types.key_arguments(resource), **input_types.delete_arguments(resource)}
        field = GraphQLField(
            GraphQLNonNull(GraphQLBoolean), args=arguments, description=f"Delete a {noun}, and return true."
        )
        fields[f"delete{type_name}"] = BoundField(field, DeleteBinding(resource, custom))
    return fields
