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

from monynha.engine.catalog import Catalog
from monynha.engine.resource import Resource
from monynha.protocols.graphql.meaning import Change, Deed, Item, Own, carrying
from monynha.protocols.graphql.subscriptions import subscriptions
from monynha.protocols.graphql.types import Types, type_name
from monynha.protocols.websocket.parts import Gesture

Theirs = dict[tuple[str, str], Own]


def build_schema(
    catalog: Catalog, own: Iterable[Own | Deed] = (), gestures: Iterable[Gesture] = ()
) -> GraphQLSchema:
    """Return the schema of all resources; `own` are the mutations that domains do themselves."""
    own = tuple(own)
    types = Types(catalog)
    theirs: Theirs = {(one.verb, one.resource.plural): one for one in own if isinstance(one, Own)}
    queries: dict[str, GraphQLField] = {}
    mutations: dict[str, GraphQLField] = {}
    for resource in catalog.resources.values():
        queries |= _queries(types, resource)
        mutations |= _mutations(types, resource, theirs)
    mutations |= {one.name: _deed(one) for one in own if isinstance(one, Deed)}
    heard = subscriptions(types, catalog, gestures)
    return GraphQLSchema(
        GraphQLObjectType("Query", queries, description="What can be asked."),
        GraphQLObjectType("Mutation", mutations, description="What can be changed; one after the other."),
        GraphQLObjectType("Subscription", heard, description="What can be heard; one at a time.")
        if heard
        else None,
    )


def sdl(schema: GraphQLSchema) -> str:
    """Return the schema in its own language."""
    return print_schema(schema) + "\n"


def _queries(types: Types, resource: Resource) -> dict[str, GraphQLField]:
    found: dict[str, GraphQLField] = {}
    if "list" in resource.verbs:
        found |= types.lists(
            resource, resource.plural, f"All {resource.plural} that you see, newest first.", None
        )
    if "read" in resource.verbs:
        doc = f"The {resource.singular}, or null where there is none that you see."
        one = GraphQLField(types.rows[resource.plural], args=types.inputs.key(resource), description=doc)
        found[resource.singular] = carrying(one, Item(resource))
    return found


def _mutations(types: Types, resource: Resource, theirs: Theirs) -> dict[str, GraphQLField]:
    inputs, noun, name = types.inputs, resource.singular, type_name(resource)
    row = GraphQLNonNull(types.rows[resource.plural])
    found: dict[str, GraphQLField] = {}
    own = theirs.get(("create", resource.plural))
    if "create" in resource.verbs or own is not None:
        texts = {} if own is None else own.texts
        made = inputs.created(resource, texts, derived=own is None)
        args = {**inputs.parent(resource), "input": GraphQLArgument(GraphQLNonNull(made))}
        field = GraphQLField(row, args=args, description=f"Create a {noun}.")
        found[f"create{name}"] = carrying(field, Change("create", resource, own))
    own = theirs.get(("update", resource.plural))
    if "update" in resource.verbs or own is not None:
        changed = inputs.updated(resource, *(({}, {}) if own is None else (own.texts, own.flags)))
        args = {**inputs.key(resource), "input": GraphQLArgument(GraphQLNonNull(changed))}
        field = GraphQLField(row, args=args, description=f"Change a {noun}.")
        found[f"update{name}"] = carrying(field, Change("update", resource, own))
    if "delete" in resource.verbs:
        args = {**inputs.key(resource), **inputs.switches(resource)}
        field = GraphQLField(
            GraphQLNonNull(GraphQLBoolean), args=args, description=f"Delete a {noun}; true once it is gone."
        )
        found[f"delete{name}"] = carrying(field, Change("delete", resource))
    return found


def _deed(deed: Deed) -> GraphQLField:
    return carrying(GraphQLField(GraphQLNonNull(GraphQLInt), description=deed.doc), deed)
