"""Encode events and errors as JSON messages; names and keys come from the resource and its stream."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import orjson

from monynha.core.errors import AppError
from monynha.core.serialization import format_timestamp
from monynha.engine.realtime.event_log import GLOBAL_STREAM_ID, Event, Stream
from monynha.engine.schema.catalog import Catalog
from monynha.engine.schema.columns import ColumnType
from monynha.engine.schema.ephemeral import EphemeralEvent
from monynha.engine.schema.resource import Resource
from monynha.protocols.http.server.ws_frames import encode_frame

CHANGE_ACTIONS = {"insert": "created", "update": "updated", "delete": "deleted"}
"""What clients call the verbs of events."""
_MESSAGE_KEY, _FRAME_KEY = "message", "message frame"


def event_type(resource: Resource, event: Event) -> str:
    """Return the type of an event's message, as `task_updated`."""
    return f"{resource.singular}_{CHANGE_ACTIONS[event.verb]}"


def event_message(catalog: Catalog, event: Event) -> bytes:
    """Return an event as a JSON message, encoded once for all subscribers."""
    message = event.payload_cache.get(_MESSAGE_KEY)
    if not isinstance(message, bytes):
        resource = catalog.resources[event.resource]
        message = event.payload_cache[_MESSAGE_KEY] = orjson.dumps(
            {
                "type": event_type(resource, event),
                **({} if event.stream.id == GLOBAL_STREAM_ID else stream_id_field(event.stream)),
                f"{resource.singular}Id": str(event.row_id),
                resource.singular: serialize_row(resource, event.row),
                "userId": None if event.actor_id is None else str(event.actor_id),
                "version": event.version,
                "timestamp": _to_milliseconds(event.occurred_at),
            }
        )
    return message


def event_frame(catalog: Catalog, event: Event) -> bytes:
    """Return an event's message as a WebSocket frame, encoded once for all subscribers."""
    frame = event.payload_cache.get(_FRAME_KEY)
    if not isinstance(frame, bytes):
        frame = event.payload_cache[_FRAME_KEY] = encode_frame(event_message(catalog, event))
    return frame


def ephemeral_message(
    ephemeral_event: EphemeralEvent, stream: Stream, user_id: UUID | None, payload: object, *, sent_at: float
) -> bytes:
    """Return an ephemeral event as the JSON message that is published in the room of its stream.

    `sent_at` is in Unix seconds; the message has milliseconds.
    """
    return orjson.dumps(
        {
            "type": ephemeral_event.event_type,
            "userId": None if user_id is None else str(user_id),
            **stream_id_field(stream),
            ephemeral_event.payload_field: payload,
            "timestamp": int(sent_at * 1000),
        }
    )


def serialize_row(resource: Resource, row: Mapping[str, object]) -> dict[str, object]:
    """Return an event's row as REST shows it, without the fields that are computed for each reader."""
    values: dict[str, object] = {}
    for name, field in resource.fields.items():
        if field.column is None or field.column.name not in row:
            continue
        value = row[field.column.name]
        if isinstance(value, str) and field.rules.type is ColumnType.TIMESTAMP:
            value = format_timestamp(datetime.fromisoformat(value))
        values[name] = value
    return values


def stream_id_field(stream: Stream) -> dict[str, object]:
    """Return how messages name a stream, as `{"projectId": "…"}`."""
    return {f"{stream.kind}Id": str(stream.id)}


def error_message(error: AppError, **fields: object) -> bytes:
    """Return an error as a JSON message, with additional fields."""
    body: dict[str, object] = {"type": "error", "code": error.code, "message": error.message, **fields}
    if error.details:
        body["details"] = error.details
    return orjson.dumps(body, default=str)


def _to_milliseconds(timestamp: str) -> int:
    return int(datetime.fromisoformat(timestamp).timestamp() * 1000)
