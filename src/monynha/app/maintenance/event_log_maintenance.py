"""Maintains the partitions of the event log once a day: creates the coming months, drops what is too old."""

from __future__ import annotations

import asyncio

import structlog

from monynha.core.errors import AppError
from monynha.engine.realtime.event_log import EventLog
from monynha.infra.postgres.errors import RetryTransactionError

_log = structlog.get_logger("monynha.maintenance")

FIRST_RUN_DELAY_S = 60.0
INTERVAL_S = 24 * 3600.0
RETRY_DELAY_S = 600.0
"""After a failure, such as a reader that held a lock on the table."""


async def run_event_log_maintenance(
    event_log: EventLog, *, retention_days: int | None, first_run_delay_s: float = FIRST_RUN_DELAY_S
) -> None:
    """Maintain the event log once a day until cancelled; of several processes only one does the work."""
    delay_s = first_run_delay_s
    while True:
        await asyncio.sleep(delay_s)
        try:
            await event_log.maintain_partitions(retention_days=retention_days)
            delay_s = INTERVAL_S
        except (AppError, RetryTransactionError) as error:
            _log.warning("event log maintenance failed", err={"type": type(error).__name__})
            delay_s = RETRY_DELAY_S
