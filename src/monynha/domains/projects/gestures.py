"""What people in a project show each other without keeping it."""

from __future__ import annotations

from monynha.protocols.websocket.parts import Gesture

CURSOR = Gesture(
    kind="project",
    said="cursor_position",
    heard="cursor_update",
    field="position",
    subscription="cursorMoved",
)
