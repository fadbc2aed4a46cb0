"""The schema, derived from the catalogue: every resource's questions and changes, under the seed's names."""

from __future__ import annotations

from collections.abc import Iterable

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLField,
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
    BulkAction,
    CustomMutation,
    MutationBinding,
    RowBinding,
    bind,
)
from monynha.protocols.graphql.schema.object_types import ObjectTypes, type_name
from monynha.protocols.graphql.subscriptions.schema import subscription_fields

CustomMutations = dict[tuple[str, str], CustomMutation]


def build_schema(
    catalog: Catalog,
    custom_mutations: Iterable[CustomMutation | BulkAction] = (),
    ephemeral_events: Iterable[EphemeralEvent] = (),
) -> GraphQLSchema:
    """Return the schema of all resources; `own` are the mutations that domains do themselves."""
    custom_mutations = tuple(custom_mutations)
    object_types = ObjectTypes(catalog)
    mutations_by_resource: CustomMutations = {
        (one.verb, one.resource.plural): one for one in custom_mutations if isinstance(one, CustomMutation)
    }
    queries: dict[str, GraphQLField] = {}
    mutations: dict[str, GraphQLField] = {}
    for resource in catalog.resources.values():
        queries |= _query_fields(object_types, resource)
        mutations |= _mutation_fields(object_types, resource, mutations_by_resource)
    mutations |= {one.name: _bulk_action_field(one) for one in custom_mutations if isinstance(one, BulkAction)}
    subscriptions = subscription_fields(object_types, catalog, ephemeral_events)
    return GraphQLSchema(
        GraphQLObjectType("Query", queries, description="What can be asked."),
        GraphQLObjectType("Mutation", mutations, description="What can be changed; one after the other."),
        GraphQLObjectType("Subscription", subscriptions, description="What can be heard; one at a time.")
        if subscriptions
        else None,
    )


def print_sdl(schema: GraphQLSchema) -> str:
    """Return the schema in its own language."""
    return print_schema(schema) + "\n"


def _query_fields(object_types: ObjectTypes, resource: Resource) -> dict[str, GraphQLField]:
    fields: dict[str, GraphQLField] = {}
    if "list" in resource.operations:
        fields |= object_types.list_fields(
            resource, resource.plural, f"All {resource.plural} that you see, newest first.", None
        )
    if "read" in resource.operations:
        doc = f"The {resource.singular}, or null where there is none that you see."
        field = GraphQLField(
            object_types.row_types[resource.plural],
            args=object_types.input_types.key_arguments(resource),
            description=doc,
        )
        fields[resource.singular] = bind(field, RowBinding(resource))
    return fields


def _mutation_fields(
    object_types: ObjectTypes, resource: Resource, custom_mutations: CustomMutations
) -> dict[str, GraphQLField]:
    input_types, noun, name = object_types.input_types, resource.singular, type_name(resource)
    row = GraphQLNonNull(object_types.row_types[resource.plural])
    fields: dict[str, GraphQLField] = {}
    custom = custom_mutations.get(("create", resource.plural))
    if "create" in resource.operations or custom is not None:
        text_inputs = {} if custom is None else custom.text_inputs
        input_type = input_types.create_input(resource, text_inputs, derived=custom is None)
        args = {
            **input_types.parent_arguments(resource),
            "input": GraphQLArgument(GraphQLNonNull(input_type)),
        }
        field = GraphQLField(row, args=args, description=f"Create a {noun}.")
        fields[f"create{name}"] = bind(field, MutationBinding("create", resource, custom))
    custom = custom_mutations.get(("update", resource.plural))
    if "update" in resource.operations or custom is not None:
        input_type = input_types.update_input(
            resource, *(({}, {}) if custom is None else (custom.text_inputs, custom.flag_inputs))
        )
        args = {**input_types.key_arguments(resource), "input": GraphQLArgument(GraphQLNonNull(input_type))}
        field = GraphQLField(row, args=args, description=f"Change a {noun}.")
        fields[f"update{name}"] = bind(field, MutationBinding("update", resource, custom))
    if "delete" in resource.operations:
        args = {**input_types.key_arguments(resource), **input_types.delete_arguments(resource)}
        field = GraphQLField(
            GraphQLNonNull(GraphQLBoolean), args=args, description=f"Delete a {noun}; true once it is gone."
        )
        fields[f"delete{name}"] = bind(field, MutationBinding("delete", resource))
    return fields


def _bulk_action_field(action: BulkAction) -> GraphQLField:
    return bind(GraphQLField(GraphQLNonNull(GraphQLInt), description=action.description), action)
