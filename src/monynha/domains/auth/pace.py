"""The time that an answer takes, where it could tell what the answer does not say."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def even_pace(step_s: float, *, failures_only: bool = False) -> AsyncIterator[None]:
    """Leave at the next whole step of time since the beginning.

    A registered address makes more work than an unknown one; both take one step.
    """
    started = time.monotonic()
    try:
        yield
    except Exception:
        await _next_step(started, step_s)
        raise
    if not failures_only:
        await _next_step(started, step_s)


async def _next_step(started: float, step_s: float) -> None:
    if step_s > 0:
        await asyncio.sleep(step_s - (time.monotonic() - started) % step_s)
