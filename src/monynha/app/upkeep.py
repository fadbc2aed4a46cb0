"""What is to be done while the program runs: room for the history, and an end to what is too old."""

from __future__ import annotations

import asyncio

import structlog

from monynha.core.errors import Fault
from monynha.engine.history import History
from monynha.infra.postgres.faults import Retry

_log = structlog.get_logger("monynha.upkeep")

FIRST_AFTER_S = 60.0
EVERY_S = 24 * 3600.0
AGAIN_AFTER_S = 600.0
"""When something stood in the way, as a reader that held the table."""


async def keep_house(
    history: History, *, kept_days: int | None, first_after_s: float = FIRST_AFTER_S
) -> None:
    """Keep house once a day until cancelled; of many processes that do so at once, one does the work."""
    pause_s = first_after_s
    while True:
        await asyncio.sleep(pause_s)
        try:
            await history.keep_house(kept_days=kept_days)
            pause_s = EVERY_S
        except (Fault, Retry) as fault:
            _log.warning("could not keep house", err={"type": type(fault).__name__})
            pause_s = AGAIN_AFTER_S
