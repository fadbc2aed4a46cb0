"""Constant-time responses: durations that do not reveal whether an email address is registered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def equalize_duration(step_s: float, *, only_failures: bool = False) -> AsyncIterator[None]:
    """Extend the block to the next multiple of `step_s` since its beginning; 0 turns this off.

    A registered address takes more work than an unknown one; both take one step. With `only_failures` a
    block that succeeds is not extended.
    """
    started_at = time.monotonic()
    try:
        yield
    except Exception:
        await _sleep_until_next_step(started_at, step_s)
        raise
    if not only_failures:
        await _sleep_until_next_step(started_at, step_s)


async def _sleep_until_next_step(started_at: float, step_s: float) -> None:
    if step_s > 0:
        await asyncio.sleep(step_s - (time.monotonic() - started_at) % step_s)
