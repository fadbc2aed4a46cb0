"""The weekly report: the numbers of each project's week, mailed to its owner by an `email` job."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any
from uuid import UUID

import orjson

from monynha.core.actor import system_actor
from monynha.core.locales import DEFAULT_LOCALE, match_locale
from monynha.domains.reports.chart import draw_week
from monynha.domains.reports.unsubscriptions import UnsubscribeLinks
from monynha.infra.mail import EMAIL_QUEUE, EmailPayload
from monynha.infra.postgres.database import Database, Transaction
from monynha.infra.queue.payload import dump_payload

TEMPLATE = "weekly_report"
BATCH_SIZE = 100
"""For how many owners mails are enqueued in one transaction."""
MAX_PROJECTS = 20
"""How many projects a mail has, the newest; Gmail cuts off a mail of more than 102 KB."""
MAX_PEOPLE = 10
"""How many people are listed of a project, those who did most."""
_COMPARED_DAYS = 15
"""For how many days back events are needed to compare a week with the week before, on Monday at any time."""

_REPORTS = system_actor("reports")
"""The actor whom the policies let read what a report counts."""
_OWNERS_SQL = """
select distinct p.owner_id from public.projects p
where p.status = 'active'
  and not exists (select from monynha.weekly_reports r where r.owner_id = p.owner_id and r.week = $1)
order by p.owner_id
"""
# Whoever inserts the report enqueues its mail, in one transaction: a job that is run again, or by two workers, sends
# no second mail.
_ENQUEUE_SQL = """
with report as (
  select * from unnest($2::uuid[], $3::text[]::jsonb[]) as r (owner_id, payload)
), stored as (
  insert into monynha.weekly_reports (owner_id, week) select owner_id, $1::date from report order by owner_id
  on conflict do nothing
  returning owner_id
)
select count(monynha.enqueue_job(
  queue => $4,
  payload => report.payload,
  dedup_key => 'weekly-report ' || $1::date || ' ' || report.owner_id
))
from stored join report using (owner_id)
"""


@dataclass(frozen=True, slots=True)
class Week:
    """A week, Monday to Sunday in UTC."""

    first_day: date

    @classmethod
    def before(cls, moment: datetime) -> Week:
        """Return the last week that was over at a time in UTC."""
        today = moment.date()
        return cls(today - timedelta(days=today.weekday() + 7))

    @property
    def last_day(self) -> date:
        """The Sunday."""
        return self.first_day + timedelta(days=6)


@dataclass(frozen=True)
class WeeklyReports:
    """Counts the weeks of projects and enqueues the mails to their owners.

    A week is not compared with the week before where `retention_days` has deleted the events of that.
    """

    database: Database
    links: UnsubscribeLinks
    retention_days: int | None
    batch_size: int = BATCH_SIZE
    queue: str = EMAIL_QUEUE

    async def enqueue_mails(self, now: datetime) -> int:
        """Enqueue the mails of the last week for all owners who have not got theirs; return how many.

        Open and overdue are the tasks as of `now`. A batch is one transaction.
        """
        week, total = Week.before(now), 0
        owner_ids = await self._fetch_owner_ids(week)
        for start in range(0, len(owner_ids), self.batch_size):
            binds = (week.first_day, now, owner_ids[start : start + self.batch_size], MAX_PROJECTS)
            async with self.database.as_actor(_REPORTS).transaction() as transaction:
                rows = await transaction.fetch_rows(_counts_sql(), *binds)
                if rows:
                    total += await self._enqueue(transaction, week, [orjson.loads(row["report"]) for row in rows])
        return total

    async def _fetch_owner_ids(self, week: Week) -> list[UUID]:
        """Return who may get a report; what only some of them lack is looked at batch by batch."""
        async with self.database.as_actor(_REPORTS).transaction() as transaction:
            rows = await transaction.fetch_rows(_OWNERS_SQL, week.first_day)
        return [row["owner_id"] for row in rows]

    async def _enqueue(self, transaction: Transaction, week: Week, reports: list[dict[str, Any]]) -> int:
        owner_ids = [UUID(report["ownerId"]) for report in reports]
        # In a thread: a chart takes a millisecond, and the process serves others meanwhile.
        payloads = await asyncio.to_thread(self._payloads, week, reports)
        count = await transaction.fetch_value(_ENQUEUE_SQL, week.first_day, owner_ids, payloads, self.queue)
        assert isinstance(count, int)  # what count() returns
        return count

    def _payloads(self, week: Week, reports: list[dict[str, Any]]) -> list[str]:
        """Return the payloads of the mails as JSON."""
        is_compared = self.retention_days is None or self.retention_days >= _COMPARED_DAYS
        paths = (self.links.path(UUID(report["ownerId"])) for report in reports)
        return [
            dump_payload(_payload(week, report, path, is_compared=is_compared)).decode()
            for path, report in zip(paths, reports, strict=True)
        ]


def _payload(week: Week, report: dict[str, Any], unsubscribe_path: str, *, is_compared: bool) -> EmailPayload:
    """Return the payload of an owner's mail."""
    projects = report["projects"]
    data = {
        "locale": match_locale(report["locale"]) or DEFAULT_LOCALE,
        "week": {"first_day": week.first_day.isoformat(), "last_day": week.last_day.isoformat()},
        "projects": [_project_data(index, project, is_compared) for index, project in enumerate(projects, 1)],
        "other_projects": report["projectCount"] - len(projects),
        "unsubscribe_path": unsubscribe_path,
        "images": dict(_charts(week, projects)),
    }
    return EmailPayload(report["email"], TEMPLATE, data)


def _project_data(index: int, project: dict[str, Any], is_compared: bool) -> dict[str, object]:
    data = {
        "name": project["name"],
        "path": f"/projects/{project['id']}",
        "people": project["people"][:MAX_PEOPLE],
        "other_people": max(0, len(project["people"]) - MAX_PEOPLE),
        "done_by_day": project["doneByDay"],
        "chart": f"chart-{index}" if _has_chart(project) else None,
    }
    for name in ("done", "open", "overdue"):
        data[name] = project[name]
        data[f"{name}_change"] = project[name] - project[f"{name}Before"] if is_compared else None
    return data


def _has_chart(project: dict[str, Any]) -> bool:
    """Whether there is anything to draw."""
    return bool(project["done"] or project["doneBefore"])


def _charts(week: Week, projects: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the images of a mail: their content ids, and their PNG in base64."""
    for index, project in enumerate(projects, 1):
        if _has_chart(project):
            png = draw_week(week.first_day, project["doneByDay"], project["doneByDayBefore"])
            yield f"chart-{index}", base64.b64encode(png).decode()


@cache
def _counts_sql() -> str:
    return files(__package__).joinpath("weekly_report.sql").read_text()
