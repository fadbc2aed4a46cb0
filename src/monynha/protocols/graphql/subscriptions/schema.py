"""The root type Subscription, derived: what happens to the rows of a stream, and what its people show.

A resource that belongs to a stream which others hear too has `<singular>Changed(<kind>Id)`; one that is told
to a person alone has `<singular>Added`. What is told holds the row's own values as the change left them (as
they were, of a deleted row), who changed it, and the ways on, which are asked anew for each change.
"""

from __future__ import annotations

from collections.abc import Iterable

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLID,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLString,
)

from monynha.core.serialization import to_camel_case
from monynha.engine.realtime.shared_payload import stays_in_stream
from monynha.engine.schema.catalog import Catalog
from monynha.engine.schema.ephemeral import EphemeralEvent
from monynha.engine.schema.resource import Resource
from monynha.protocols.graphql.schema.field_bindings import (
    EphemeralSubscriptionBinding,
    EventRelationBinding,
    EventSubscriptionBinding,
    EventValueBinding,
    bind,
)
from monynha.protocols.graphql.schema.object_types import DATE_TIME, JSON, ObjectTypes
from monynha.protocols.realtime.event_messages import CHANGE_ACTIONS

SINCE_ARGUMENT = "since"
_ACTION = GraphQLEnumType(
    "ChangeAction",
    {word: GraphQLEnumValue(word) for word in CHANGE_ACTIONS.values()},
    description="What happened.",
)
_SINCE_ARGUMENT = GraphQLArgument(
    GraphQLString,
    description="The `position` of the last change you heard: what you missed since comes first.",
)


def subscription_fields(
    object_types: ObjectTypes, catalog: Catalog, ephemeral_events: Iterable[EphemeralEvent]
) -> dict[str, GraphQLField]:
    """Return the fields of the root type, none where nothing can be heard."""
    roots = {one.streams[0].kind: one for one in catalog.resources.values() if one.has_own_stream}
    fields: dict[str, GraphQLField] = {}
    for resource in catalog.resources.values():
        root = roots.get(resource.streams[0].kind) if resource.streams else None
        if root is not None and root is not resource:
            fields |= _event_subscription(object_types, catalog, resource, root)
    for event in ephemeral_events:
        fields[event.subscription_field] = _ephemeral_subscription(
            object_types, catalog, event, roots[event.stream_kind]
        )
    return fields


def _event_subscription(
    object_types: ObjectTypes, catalog: Catalog, resource: Resource, root: Resource
) -> dict[str, GraphQLField]:
    noun, stream_kind = resource.singular, root.streams[0].kind
    binding = EventSubscriptionBinding(resource, stream_kind, only_created=root.is_private_stream)
    name = f"{noun}{'Added' if binding.only_created else 'Changed'}"
    doc = f"A {noun} is new." if binding.only_created else f"A {noun} was created, updated or deleted."
    args = (
        {SINCE_ARGUMENT: _SINCE_ARGUMENT}
        if binding.only_created
        else {**_stream_argument(stream_kind, root), SINCE_ARGUMENT: _SINCE_ARGUMENT}
    )
    payload_type = _payload_type(
        name,
        doc,
        {**_event_values(object_types, resource), **_event_relations(object_types, catalog, resource, root)},
    )
    return {name: bind(GraphQLField(GraphQLNonNull(payload_type), args=args, description=doc), binding)}


def _event_values(object_types: ObjectTypes, resource: Resource) -> dict[str, GraphQLField]:
    fields = {}
    for field in resource.fields.values():
        if field.column in resource.logged_columns:
            value_type = object_types.value_type(field.rules)
            # What the history forgets of a person may be gone.
            is_nullable = field.is_nullable or field.rules.is_personal
            fields[field.name] = _value_field(
                field.name, value_type if is_nullable else GraphQLNonNull(value_type), field.doc
            )
    return {
        **fields,
        "action": _value_field("action", GraphQLNonNull(_ACTION), "What happened."),
        "changedAt": _value_field("changedAt", GraphQLNonNull(DATE_TIME), "When it happened."),
        "changedById": _value_field("changedById", GraphQLID, "Who did it; null where nobody signed in did."),
        "position": _value_field("position", GraphQLNonNull(GraphQLString), "The place to go on from, for `since`."),
    }


def _event_relations(
    object_types: ObjectTypes, catalog: Catalog, resource: Resource, root: Resource
) -> dict[str, GraphQLField]:
    key_names = tuple(to_camel_case(one.name) for one in resource.primary_key)
    doc = f"The {resource.singular} as it is now; null once it is gone."
    fields = {
        resource.singular: _relation_field(
            object_types, EventRelationBinding(resource, key_names, is_in_stream=True), doc
        )
    }
    for relation in catalog.relations_of(resource).values():
        if not relation.is_many:
            binding = EventRelationBinding(
                relation.target,
                (to_camel_case(relation.source_column.name),),
                is_in_stream=stays_in_stream(relation, root),
            )
            fields[relation.name] = _relation_field(object_types, binding, relation.doc)
    return {**fields, **_actor_relation(object_types, catalog, "changedBy", "Who did it.")}


def _ephemeral_subscription(
    object_types: ObjectTypes, catalog: Catalog, event: EphemeralEvent, root: Resource
) -> GraphQLField:
    doc = f"Somebody else in the {root.singular} shows a {event.payload_field}, which nobody keeps."
    id_name = f"{event.stream_kind}Id"
    fields = {
        id_name: _value_field(id_name, GraphQLNonNull(GraphQLID), f"The {root.singular}."),
        root.singular: _relation_field(
            object_types, EventRelationBinding(root, (id_name,), is_in_stream=True), f"The {root.singular}."
        ),
        "userId": _value_field("userId", GraphQLID, "Who shows it."),
        **_actor_relation(object_types, catalog, "user", "Who shows it."),
        event.payload_field: _value_field(event.payload_field, JSON, "What they show, as they sent it."),
        "at": _value_field("at", GraphQLNonNull(DATE_TIME), "When they showed it."),
    }
    payload_type = _payload_type(event.subscription_field, doc, fields)
    field = GraphQLField(GraphQLNonNull(payload_type), args=_stream_argument(event.stream_kind, root), description=doc)
    return bind(field, EphemeralSubscriptionBinding(event))


def _actor_relation(object_types: ObjectTypes, catalog: Catalog, name: str, doc: str) -> dict[str, GraphQLField]:
    actor_resource = next((one for one in catalog.resources.values() if one.is_actor), None)
    if actor_resource is None:
        return {}
    return {
        name: _relation_field(
            object_types, EventRelationBinding(actor_resource, (f"{name}Id",), is_in_stream=False), doc
        )
    }


def _stream_argument(stream_kind: str, root: Resource) -> dict[str, GraphQLArgument]:
    doc = f"The {root.singular} to listen to."
    return {f"{stream_kind}Id": GraphQLArgument(GraphQLNonNull(GraphQLID), description=doc)}


def _payload_type(name: str, doc: str, fields: dict[str, GraphQLField]) -> GraphQLObjectType:
    return GraphQLObjectType(name[0].upper() + name[1:], fields, description=doc)


def _value_field(name: str, value_type: object, doc: str) -> GraphQLField:
    return bind(GraphQLField(value_type, description=doc), EventValueBinding(name))  # type: ignore[arg-type]  # one of three


def _relation_field(object_types: ObjectTypes, binding: EventRelationBinding, doc: str) -> GraphQLField:
    return bind(GraphQLField(object_types.row_types[binding.resource.plural], description=doc), binding)
