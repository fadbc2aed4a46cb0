"""What is to be done while the program runs: room for the history, and an end to what is too old."""

from __future__ import annotations

import asyncio

import structlog

from monynha.core.errors import AppError
from monynha.engine.realtime.event_log import EventLog
from monynha.infra.postgres.errors import RetryTransactionError

_log = structlog.get_logger("monynha.upkeep")

FIRST_RUN_DELAY_S = 60.0
INTERVAL_S = 24 * 3600.0
RETRY_DELAY_S = 600.0
"""When something stood in the way, as a reader that held the table."""


async def run_event_log_maintenance(
    event_log: EventLog, *, retention_days: int | None, first_run_delay_s: float = FIRST_RUN_DELAY_S
) -> None:
    """Keep house once a day until cancelled; of many processes that do so at once, one does the work."""
    delay_s = first_run_delay_s
    while True:
        await asyncio.sleep(delay_s)
        try:
            await event_log.maintain_partitions(retention_days=retention_days)
            delay_s = INTERVAL_S
        except (AppError, RetryTransactionError) as error:
            _log.warning("could not keep house", err={"type": type(error).__name__})
            delay_s = RETRY_DELAY_S
