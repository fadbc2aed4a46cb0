"""What listeners are told: the values that an event or a gesture brings, by their names in the schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from monynha.core.wire import format_instant
from monynha.engine.history import Event
from monynha.engine.position import write_position
from monynha.engine.resource import Resource
from monynha.protocols.http.frames import payload_of
from monynha.protocols.websocket.messages import PAST, shown
from monynha.protocols.websocket.parts import Gesture

_KEY = "graphql"


@dataclass(frozen=True, eq=False, slots=True)
class Told:
    """Values by name; `made` keeps what was made of them, so that each shape is made once."""

    values: Mapping[str, Any]
    made: dict[object, Any] = field(default_factory=dict)

    def json(self, name: str) -> bytes:
        """Return a value as JSON; what an older history does not know is null."""
        return orjson.dumps(self.values.get(name))


def told_of(resource: Resource, event: Event) -> Told:
    """Return what an event tells; it is read once, whoever hears it."""
    known: Told | None = event.made.get(_KEY)
    if known is None:
        values = {
            **shown(resource, event.row),
            "action": PAST[event.verb],
            "changedAt": format_instant(datetime.fromisoformat(event.at)),
            "changedById": None if event.actor is None else str(event.actor),
            "position": write_position({event.stream: event.version}),
        }
        known = event.made[_KEY] = Told(values)
    return known


@lru_cache(256)
def told_by(gesture: Gesture, said: bytes) -> Told:
    """Return what a message of a room tells; the same one is read once for all who overhear it."""
    message = orjson.loads(payload_of(said))
    at = datetime.fromtimestamp(message["timestamp"] / 1000, UTC)
    return Told({**message, "at": format_instant(at)})
