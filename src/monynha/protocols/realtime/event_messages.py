"""Events and errors as messages: names and keys come from the resource and its stream."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from monynha.core.errors import AppError
from monynha.core.serialization import format_timestamp, to_camel_case
from monynha.engine.realtime.event_log import GLOBAL_STREAM_ID, Event
from monynha.engine.schema.catalog import Catalog
from monynha.engine.schema.columns import ColumnType
from monynha.engine.schema.resource import Resource
from monynha.protocols.http.server.ws_frames import encode_frame

CHANGE_ACTIONS = {"insert": "created", "update": "updated", "delete": "deleted"}
_MESSAGE_KEY, _FRAME_KEY = "message", "message frame"


def event_type(resource: Resource, event: Event) -> str:
    """Return what happened in one word, as `task_updated`."""
    return f"{resource.singular}_{CHANGE_ACTIONS[event.verb]}"


def event_message(catalog: Catalog, event: Event) -> bytes:
    """Return the event as a message; it is made once, whoever hears it."""
    message: bytes | None = event.payload_cache.get(_MESSAGE_KEY)
    if message is None:
        resource = catalog.resources[event.resource]
        stream = {} if event.stream.id == GLOBAL_STREAM_ID else {f"{event.stream.kind}Id": str(event.stream.id)}
        message = event.payload_cache[_MESSAGE_KEY] = orjson.dumps(
            {
                "type": event_type(resource, event),
                **stream,
                f"{resource.singular}Id": str(event.row_id),
                resource.singular: serialize_row(resource, event.row),
                "userId": None if event.actor_id is None else str(event.actor_id),
                "version": event.version,
                "timestamp": to_milliseconds(event.occurred_at),
            }
        )
    return message


def event_frame(catalog: Catalog, event: Event) -> bytes:
    """Return the event's finished frame."""
    frame_bytes: bytes | None = event.payload_cache.get(_FRAME_KEY)
    if frame_bytes is None:
        frame_bytes = event.payload_cache[_FRAME_KEY] = encode_frame(event_message(catalog, event))
    return frame_bytes


def serialize_row(resource: Resource, row: dict[str, Any]) -> dict[str, Any]:
    """Return an event's row as REST shows it, but for what is computed for whoever asks."""
    values: dict[str, Any] = {}
    for name, field in resource.fields.items():
        if field.column is None or field.column.name not in row:
            continue
        value = row[field.column.name]
        if value is not None and field.rules.type is ColumnType.TIMESTAMP:
            value = format_timestamp(datetime.fromisoformat(value))
        values[name] = value
    return values


def to_milliseconds(instant: str) -> int:
    """Return a time of the history in milliseconds since 1970."""
    return int(datetime.fromisoformat(instant).timestamp() * 1000)


def error_message(error: AppError, **extra: object) -> bytes:
    """Return an error as a message."""
    body: dict[str, object] = {"type": "error", "code": error.code, "message": error.message, **extra}
    if error.details:
        body["details"] = error.details
    return orjson.dumps(body, default=str)


def row_id_name(resource: Resource) -> str:
    """Return the key by which messages name a row, as `taskId`."""
    return to_camel_case(f"{resource.singular}_id")
