"""Events and errors as messages: names and keys come from the resource and its stream."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from monynha.core.errors import Fault
from monynha.core.wire import camel, format_instant
from monynha.engine.catalog import Catalog
from monynha.engine.history import EVERYBODY, Event
from monynha.engine.model import Kind
from monynha.engine.resource import Resource
from monynha.protocols.http.frames import frame

PAST = {"insert": "created", "update": "updated", "delete": "deleted"}
_TEXT, _FRAME = "message", "message frame"


def type_of(resource: Resource, event: Event) -> str:
    """Return what happened in one word, as `task_updated`."""
    return f"{resource.singular}_{PAST[event.verb]}"


def message_of(catalog: Catalog, event: Event) -> bytes:
    """Return the event as a message; it is made once, whoever hears it."""
    made: bytes | None = event.made.get(_TEXT)
    if made is None:
        resource = catalog.resources[event.resource]
        stream = {} if event.stream.id == EVERYBODY else {f"{event.stream.kind}Id": str(event.stream.id)}
        made = event.made[_TEXT] = orjson.dumps(
            {
                "type": type_of(resource, event),
                **stream,
                f"{resource.singular}Id": str(event.row_id),
                resource.singular: shown(resource, event.row),
                "userId": None if event.actor is None else str(event.actor),
                "version": event.version,
                "timestamp": milliseconds(event.at),
            }
        )
    return made


def frame_of(catalog: Catalog, event: Event) -> bytes:
    """Return the event's finished frame."""
    made: bytes | None = event.made.get(_FRAME)
    if made is None:
        made = event.made[_FRAME] = frame(message_of(catalog, event))
    return made


def shown(resource: Resource, row: dict[str, Any]) -> dict[str, Any]:
    """Return an event's row as REST shows it, but for what is computed for whoever asks."""
    found: dict[str, Any] = {}
    for name, one in resource.fields.items():
        if one.column is None or one.column.name not in row:
            continue
        value = row[one.column.name]
        if value is not None and one.rules.kind is Kind.INSTANT:
            value = format_instant(datetime.fromisoformat(value))
        found[name] = value
    return found


def milliseconds(at: str) -> int:
    """Return a time of the history in milliseconds since 1970."""
    return int(datetime.fromisoformat(at).timestamp() * 1000)


def told(fault: Fault, **more: object) -> bytes:
    """Return an error as a message."""
    error: dict[str, object] = {"type": "error", "code": fault.code, "message": fault.message, **more}
    if fault.details:
        error["details"] = fault.details
    return orjson.dumps(error, default=str)


def id_name(resource: Resource) -> str:
    """Return the key by which messages name a row, as `taskId`."""
    return camel(f"{resource.singular}_id")
