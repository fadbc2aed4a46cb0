"""Enqueue the mails of a week in a process of its own, one owner at a time, so that a test can kill it."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime

from monynha.domains.reports.unsubscriptions import UnsubscribeLinks
from monynha.domains.reports.weekly_report import WeeklyReports
from monynha.infra.postgres.database import Database


async def main(database_url: str, queue: str, now: str) -> None:
    """Open the database and enqueue the mails."""
    database = await Database.open(database_url, size=1)
    reports = WeeklyReports(database, UnsubscribeLinks("a secret"), None, batch_size=1, queue=queue)
    await reports.enqueue_mails(datetime.fromisoformat(now))
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
