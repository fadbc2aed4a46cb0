"""What listeners are told: the values that an event or a gesture brings, by their names in the schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from monynha.core.serialization import format_timestamp
from monynha.engine.realtime.event_log import Event
from monynha.engine.realtime.resume_token import encode_resume_token
from monynha.engine.schema.ephemeral import EphemeralEvent
from monynha.engine.schema.resource import Resource
from monynha.protocols.http.server.ws_frames import frame_payload
from monynha.protocols.realtime.event_messages import CHANGE_ACTIONS, serialize_row

_CACHE_KEY = "graphql"


@dataclass(frozen=True, eq=False, slots=True)
class EventPayload:
    """Values by name; `made` keeps what was made of them, so that each shape is made once."""

    values: Mapping[str, Any]
    cache: dict[object, Any] = field(default_factory=dict)

    def encode(self, name: str) -> bytes:
        """Return a value as JSON; what an older history does not know is null."""
        return orjson.dumps(self.values.get(name))


def event_payload(resource: Resource, event: Event) -> EventPayload:
    """Return what an event tells; it is read once, whoever hears it."""
    payload: EventPayload | None = event.payload_cache.get(_CACHE_KEY)
    if payload is None:
        values = {
            **serialize_row(resource, event.row),
            "action": CHANGE_ACTIONS[event.verb],
            "changedAt": format_timestamp(datetime.fromisoformat(event.occurred_at)),
            "changedById": None if event.actor_id is None else str(event.actor_id),
            "position": encode_resume_token({event.stream: event.version}),
        }
        payload = event.payload_cache[_CACHE_KEY] = EventPayload(values)
    return payload


@lru_cache(256)
def broadcast_payload(event: EphemeralEvent, raw_message: bytes) -> EventPayload:
    """Return what a message of a room tells; the same one is read once for all who overhear it."""
    message = orjson.loads(frame_payload(raw_message))
    at = datetime.fromtimestamp(message["timestamp"] / 1000, UTC)
    return EventPayload({**message, "at": format_timestamp(at)})
