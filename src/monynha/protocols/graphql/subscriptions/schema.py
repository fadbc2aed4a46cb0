"""The root type Subscription: the events of a stream's rows, and the ephemeral events of its users.

A resource in a shared stream has `<singular>Changed(<kind>Id)`; one in a user's private stream has
`<singular>Added`. The payload holds the row's own values after the change (of a deleted row, before it), the user who
made the change, and relations, which are fetched for each event.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLID,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
)

from monynha.core.serialization import to_camel_case
from monynha.engine.realtime.shared_payload import stays_in_stream
from monynha.engine.schema.catalog import Catalog
from monynha.engine.schema.ephemeral import EphemeralEvent
from monynha.engine.schema.resource import Resource
from monynha.protocols.graphql.schema.field_bindings import (
    BoundField,
    BoundFields,
    EphemeralSubscriptionBinding,
    EventRelationBinding,
    EventSubscriptionBinding,
    EventValueBinding,
    FieldBindings,
    PayloadFieldBinding,
    SubscriptionBinding,
    plain_fields,
)
from monynha.protocols.graphql.schema.object_types import DATE_TIME, JSON, ObjectTypes
from monynha.protocols.realtime.event_messages import CHANGE_ACTIONS

SINCE_ARGUMENT = "since"
_ACTION = GraphQLEnumType(
    "ChangeAction",
    {action: GraphQLEnumValue(action, description=f"The row was {action}.") for action in CHANGE_ACTIONS.values()},
    description="The kind of change.",
)
_SINCE = GraphQLArgument(
    GraphQLString,
    description="The `resumeToken` of the last event you received: the events missed since come first.",
)


@dataclass(frozen=True)
class SubscriptionFields:
    """Makes the fields of the root type Subscription; the bindings of payload types go into `bindings`."""

    object_types: ObjectTypes
    catalog: Catalog
    bindings: FieldBindings

    def make(self, ephemeral_events: Iterable[EphemeralEvent]) -> BoundFields[SubscriptionBinding]:
        """Return the fields, none for a catalog without streams."""
        roots = {
            resource.streams[0].kind: resource
            for resource in self.catalog.resources.values()
            if resource.has_own_stream
        }
        fields: BoundFields[SubscriptionBinding] = {}
        for resource in self.catalog.resources.values():
            root = roots.get(resource.streams[0].kind) if resource.streams else None
            if root is not None and root is not resource:
                name, field = self._event_subscription(resource, root)
                fields[name] = field
        for event in ephemeral_events:
            fields[event.subscription_field] = self._ephemeral_subscription(event, roots[event.stream_kind])
        return fields

    def _event_subscription(self, resource: Resource, root: Resource) -> tuple[str, BoundField[SubscriptionBinding]]:
        noun, stream_kind = resource.singular, root.streams[0].kind
        binding = EventSubscriptionBinding(resource, stream_kind, only_created=root.is_private_stream)
        if binding.only_created:
            name, doc, arguments = f"{noun}Added", f"A {noun} was created.", {SINCE_ARGUMENT: _SINCE}
        else:
            name, doc = f"{noun}Changed", f"A {noun} was created, updated or deleted."
            arguments = {**_stream_argument(stream_kind, root), SINCE_ARGUMENT: _SINCE}
        payload_fields = {**self._event_values(resource), **self._event_relations(resource, root)}
        payload_type = self._payload_type(name, doc, payload_fields)
        field = GraphQLField(GraphQLNonNull(payload_type), args=arguments, description=doc)
        return name, BoundField(field, binding)

    def _event_values(self, resource: Resource) -> BoundFields[PayloadFieldBinding]:
        fields: BoundFields[PayloadFieldBinding] = {}
        for field in resource.fields.values():
            if field.column in resource.logged_columns:
                value_type = self.object_types.value_type(field.rules)
                # Personal data is erased from the event log with the account.
                is_nullable = field.is_nullable or field.rules.is_personal
                fields[field.name] = _value_field(
                    field.name, value_type if is_nullable else GraphQLNonNull(value_type), field.doc
                )
        resume_doc = "Where to resume after this event; the value of `since`."
        return {
            **fields,
            "action": _value_field("action", GraphQLNonNull(_ACTION), "The kind of change."),
            "changedAt": _value_field("changedAt", GraphQLNonNull(DATE_TIME), "The time of the change."),
            "changedById": _value_field(
                "changedById", GraphQLID, "The user who made the change; null for an anonymous change."
            ),
            "resumeToken": _value_field("resumeToken", GraphQLNonNull(GraphQLString), resume_doc),
        }

    def _event_relations(self, resource: Resource, root: Resource) -> BoundFields[PayloadFieldBinding]:
        key_names = tuple(to_camel_case(column.name) for column in resource.primary_key)
        doc = f"The {resource.singular} as it is now; null once it is deleted."
        own_row = EventRelationBinding(resource, key_names, is_in_stream=True)
        fields = {resource.singular: self._relation_field(own_row, doc)}
        for relation in self.catalog.relations_of(resource).values():
            if not relation.is_many:
                binding = EventRelationBinding(
                    relation.target,
                    (to_camel_case(relation.source_column.name),),
                    is_in_stream=stays_in_stream(relation, root),
                )
                fields[relation.name] = self._relation_field(binding, relation.doc)
        return {**fields, **self._actor_relation("changedBy", "The user who made the change.")}

    def _ephemeral_subscription(self, event: EphemeralEvent, root: Resource) -> BoundField[SubscriptionBinding]:
        doc = f"Another user in the {root.singular} sent a {event.payload_field}, which is not stored."
        id_name = f"{event.stream_kind}Id"
        root_row = EventRelationBinding(root, (id_name,), is_in_stream=True)
        payload_fields: BoundFields[PayloadFieldBinding] = {
            id_name: _value_field(id_name, GraphQLNonNull(GraphQLID), f"The {root.singular}."),
            root.singular: self._relation_field(root_row, f"The {root.singular}."),
            "userId": _value_field("userId", GraphQLID, "The sender."),
            **self._actor_relation("user", "The sender."),
            event.payload_field: _value_field(event.payload_field, JSON, "The value, as it was sent."),
            "at": _value_field("at", GraphQLNonNull(DATE_TIME), "The time when it was sent."),
        }
        payload_type = self._payload_type(event.subscription_field, doc, payload_fields)
        arguments = _stream_argument(event.stream_kind, root)
        field = GraphQLField(GraphQLNonNull(payload_type), args=arguments, description=doc)
        return BoundField(field, EphemeralSubscriptionBinding(event))

    def _actor_relation(self, name: str, doc: str) -> BoundFields[PayloadFieldBinding]:
        """Return the field of a user named by `<name>Id`, none in a catalog without users."""
        actor_resource = next((resource for resource in self.catalog.resources.values() if resource.is_actor), None)
        if actor_resource is None:
            return {}
        binding = EventRelationBinding(actor_resource, (f"{name}Id",), is_in_stream=False)
        return {name: self._relation_field(binding, doc)}

    def _relation_field(self, binding: EventRelationBinding, doc: str) -> BoundField[PayloadFieldBinding]:
        row_type = self.object_types.row_types[binding.resource.plural]
        return BoundField(GraphQLField(row_type, description=doc), binding)

    def _payload_type(self, name: str, doc: str, fields: BoundFields[PayloadFieldBinding]) -> GraphQLObjectType:
        type_name = name[0].upper() + name[1:]
        self.bindings.payloads[type_name] = fields
        return GraphQLObjectType(type_name, plain_fields(fields), description=doc)


def _stream_argument(stream_kind: str, root: Resource) -> dict[str, GraphQLArgument]:
    description = f"The {root.singular} whose events to receive."
    return {f"{stream_kind}Id": GraphQLArgument(GraphQLNonNull(GraphQLID), description=description)}


def _value_field(name: str, value_type: GraphQLOutputType, doc: str) -> BoundField[PayloadFieldBinding]:
    return BoundField(GraphQLField(value_type, description=doc), EventValueBinding(name))
