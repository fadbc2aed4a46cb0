"""Ephemeral events of projects: delivered to the members online, not stored."""

from __future__ import annotations

from monynha.engine.schema.ephemeral import EphemeralEvent

CURSOR_EVENT = EphemeralEvent(
    stream_kind="project",
    request_type="cursor_position",
    event_type="cursor_update",
    payload_field="position",
    subscription_field="cursorMoved",
)
