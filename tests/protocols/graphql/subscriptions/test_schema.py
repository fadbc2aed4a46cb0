"""The root type Subscription follows from the streams of the catalog."""

from __future__ import annotations

from monynha.app.composition.catalog import CATALOG, EPHEMERAL_EVENTS
from monynha.app.composition.graphql import full_schema
from monynha.engine.schema.catalog import Catalog
from monynha.protocols.graphql.schema.builder import build_schema
from monynha.protocols.graphql.schema.field_bindings import EventRelationBinding, EventSubscriptionBinding

SCHEMA = full_schema()
SUBSCRIPTIONS = SCHEMA.bindings.subscriptions


def arguments(name: str) -> dict[str, str]:
    """Return the types of a subscription's arguments."""
    return {key: str(argument.type) for key, argument in SUBSCRIPTIONS[name].field.args.items()}


def payload_types(name: str) -> dict[str, str]:
    """Return the types of a payload's fields."""
    return {key: str(bound.field.type) for key, bound in SCHEMA.bindings.payloads[name].items()}


def test_shared_streams_are_named_by_their_id_and_private_ones_are_the_callers() -> None:
    assert arguments("taskChanged") == {"projectId": "ID!", "since": "String"}
    assert arguments("notificationAdded") == {"since": "String"}
    assert arguments("cursorMoved") == {"projectId": "ID!"}


def test_private_stream_reports_created_rows_only() -> None:
    bindings = {name: SUBSCRIPTIONS[name].binding for name in ("taskChanged", "notificationAdded")}

    only_created = {
        name: binding.only_created
        for name, binding in bindings.items()
        if isinstance(binding, EventSubscriptionBinding)
    }
    assert only_created == {"taskChanged": False, "notificationAdded": True}


def test_payload_has_the_logged_columns_and_the_change() -> None:
    fields = payload_types("TaskChanged")

    logged = {
        name
        for name, field in CATALOG.resources["tasks"].fields.items()
        if field.column in CATALOG.resources["tasks"].logged_columns
    }
    assert logged <= fields.keys()
    assert (
        fields.items()
        >= {
            "action": "ChangeAction!",
            "changedAt": "DateTime!",
            "changedById": "ID",
            "resumeToken": "String!",
            "task": "Task",
            "project": "Project",
            "changedBy": "User",
        }.items()
    )


def test_only_rows_of_the_stream_are_shared_by_its_subscribers() -> None:
    shared = {
        name
        for name, bound in SCHEMA.bindings.payloads["TaskChanged"].items()
        if isinstance(bound.binding, EventRelationBinding) and bound.binding.is_in_stream
    }

    assert shared == {"task", "project"}


def test_ephemeral_event_has_its_sender_and_its_value() -> None:
    (event,) = EPHEMERAL_EVENTS

    assert SUBSCRIPTIONS[event.subscription_field].binding.stream_kind == event.stream_kind
    assert payload_types("CursorMoved").items() >= {"userId": "ID", "user": "User", "at": "DateTime!"}.items()


def test_catalog_without_streams_has_no_subscriptions() -> None:
    schema = build_schema(Catalog.from_resources([CATALOG.resources["users"], CATALOG.resources["posts"]]))

    assert schema.subscription_type is None
