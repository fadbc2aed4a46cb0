"""Waiting for a condition, where a fixed time would be too short on a busy machine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from monynha.engine.realtime.event_log import Stream
from monynha.engine.realtime.hub import Hub

TIMEOUT_S = 60.0
"""How long what must happen may take."""
SOON_S = 5.0
"""How long what must happen at once may take on a busy machine."""
_POLL_INTERVAL_S = 0.02
_BLOCKED_SQL = "select count(distinct pid) from pg_locks where not granted"


async def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds."""
    async with asyncio.timeout(TIMEOUT_S):
        while not condition():
            await asyncio.sleep(_POLL_INTERVAL_S)


async def wait_until_blocked(owner_sql: Callable[..., Awaitable[list[Any]]], count: int) -> None:
    """Wait until at least so many server processes wait for a lock, or none if it is 0."""
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            blocked: int = (await owner_sql(_BLOCKED_SQL))[0][0]
            if blocked >= count and (count or not blocked):
                return
            await asyncio.sleep(_POLL_INTERVAL_S)


def subscription_count(hub: Hub, project: dict[str, Any]) -> int:
    """Return how many subscriptions to a project this process has."""
    state = hub._streams.get(Stream("project", UUID(project["id"])))
    return len(state.subscriptions) if state else 0
