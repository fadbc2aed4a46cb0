"""A project whose changes happened at chosen times, and the weekly reports of its owner."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any, TypeVar
from uuid import UUID

from monynha.domains.reports.unsubscriptions import UnsubscribeLinks
from monynha.domains.reports.weekly_report import WeeklyReports
from monynha.infra.postgres.database import Database
from tests.live_server import OwnerSql
from tests.users import ApiUser

T = TypeVar("T")

_BACKDATE = "update monynha.events set at = $1 where kind = 'project' and stream = $2 and at < '2030-01-01'"
_MAILS = """
select id, payload, private_data, dedup_key from monynha.jobs
where queue = $2 and dedup_key like $1 order by created_at, id
"""


LINKS = UnsubscribeLinks("a secret")
QUEUE = "test-reports"
"""A queue of which no worker takes the mails."""


def unused_mondays(first_year: int = 2031) -> Iterator[datetime]:
    """Yield Mondays of the future, so far from each other that no test's events fall into the weeks of another."""
    first_day = datetime(first_year, 1, 7, tzinfo=UTC)
    monday = first_day - timedelta(days=first_day.weekday())
    return (monday + timedelta(weeks=8 * number) for number in count())


@dataclass(frozen=True)
class ReportedProject:
    """A project, and the Monday of the week that is reported of it."""

    owner: ApiUser
    project: dict[str, Any]
    monday: datetime
    owner_sql: OwnerSql

    @classmethod
    async def create(cls, owner: ApiUser, monday: datetime, owner_sql: OwnerSql, **fields: Any) -> ReportedProject:
        """Create a project four weeks before the week."""
        project = cls(owner, await owner.create_project(**fields), monday, owner_sql)
        await project.at(-28, _nothing())
        return project

    def time(self, days: float) -> datetime:
        """Return the time so many days after the Monday began."""
        return self.monday + timedelta(days=days)

    async def at(self, days: float, change: Awaitable[T]) -> T:
        """Make a change, and let it have happened so many days after the Monday began."""
        result = await change
        await self.owner_sql(_BACKDATE, self.time(days), self.project["id"])
        return result

    async def create_task(self, days: float, **fields: Any) -> dict[str, Any]:
        """Create a task at a time."""
        return await self.at(days, self.owner.create_task(self.project, **fields))

    async def update_task(self, days: float, task: dict[str, Any], **fields: Any) -> None:
        """Change a task at a time."""
        response = await self.at(days, self.owner.put(f"/tasks/{task['id']}", fields))
        assert response.status_code == 200, response.text

    async def delete_task(self, days: float, task: dict[str, Any]) -> None:
        """Delete a task at a time."""
        response = await self.at(days, self.owner.delete(f"/tasks/{task['id']}"))
        assert response.status_code == 204, response.text


async def _nothing() -> None:
    pass


def tick_after(monday: datetime) -> datetime:
    """Return when the week of the Monday is reported."""
    return monday + timedelta(days=7, hours=9)


async def enqueue_mails(database: Database, monday: datetime, **options: Any) -> int:
    """Enqueue the mails about the week of the Monday."""
    return await WeeklyReports(database, LINKS, **{"retention_days": None, "queue": QUEUE, **options}).enqueue_mails(
        tick_after(monday)
    )


@dataclass(frozen=True)
class ReportMail:
    """The job of a report's mail."""

    id: UUID
    to: str
    template: str
    data: dict[str, Any]


async def fetch_mails(owner_sql: OwnerSql, monday: datetime) -> list[ReportMail]:
    """Return the mails about the week of the Monday."""
    rows = await owner_sql(_MAILS, f"weekly-report {monday.date().isoformat()} %", QUEUE)
    payloads = [json.loads(row["payload"]) for row in rows]
    return [
        ReportMail(row["id"], payload["to"], payload["template"], json.loads(row["private_data"]))
        for payload, row in zip(payloads, rows, strict=True)
    ]


def iso_day(monday: datetime, days: int) -> str:
    """Return the day so many days after the Monday."""
    day: date = (monday + timedelta(days=days)).date()
    return day.isoformat()
