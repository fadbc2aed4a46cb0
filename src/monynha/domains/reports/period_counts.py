"""Analytics of the whole system: counted by day and by month, and read by system admins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files

from monynha.core.actor import system_actor
from monynha.infra.postgres.database import ActorConnection, Database, guard_query

_REPORTS = system_actor("reports")
"""The actor whom the policies let count and store."""
_READ_SQL = guard_query("select monynha.analytics_between($4::date, $5::date)")


@dataclass(frozen=True)
class Analytics:
    """Counts days and months, each once; a day is one in UTC.

    `retention_days` tells which days have all their events.
    """

    database: Database
    retention_days: int | None

    async def store_day(self, now: datetime) -> None:
        """Count and store the day before a time in UTC."""
        yesterday = now.date() - timedelta(days=1)
        async with self.database.as_actor(_REPORTS).transaction() as transaction:
            await transaction.execute(_read_sql("daily_analytics"), yesterday, yesterday, self._first_complete_day(now))

    async def store_month(self, now: datetime) -> None:
        """Store the month before a time in UTC, and those of its days that are missing."""
        last_day = now.date().replace(day=1) - timedelta(days=1)
        first_day = last_day.replace(day=1)
        first_complete_day = self._first_complete_day(now)
        has_events = first_complete_day is None or first_complete_day <= first_day
        async with self.database.as_actor(_REPORTS).transaction() as transaction:
            await transaction.execute(_read_sql("daily_analytics"), first_day, last_day, first_complete_day)
            await transaction.execute(_read_sql("monthly_analytics"), first_day, has_events)

    def _first_complete_day(self, now: datetime) -> date | None:
        """Return the first day whose events are certainly there, or None if no event is ever deleted."""
        return None if self.retention_days is None else now.date() - timedelta(days=self.retention_days)


async def read_analytics(connection: ActorConnection, first_day: date, last_day: date) -> bytes:
    """Return the stored days of a range, and the months that overlap it, as JSON; ForbiddenError but for admins."""
    analytics = await connection.fetch_json(_READ_SQL, (first_day, last_day))
    assert analytics is not None  # the function returns an object
    return analytics


@cache
def _read_sql(name: str) -> str:
    return files(__package__).joinpath(f"{name}.sql").read_text()
