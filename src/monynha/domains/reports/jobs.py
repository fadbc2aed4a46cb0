"""The jobs of the schedules of this domain: the mails of weekly reports, and the counting of analytics."""

from __future__ import annotations

from dataclasses import dataclass

from monynha.domains.reports.period_counts import Analytics
from monynha.domains.reports.weekly_report import WeeklyReports
from monynha.infra.queue.job import AnyJobHandler, Job, JobHandler, Json
from monynha.infra.schedules import CatchUp, Schedule, TickPayload

WEEKLY_REPORT = Schedule(
    "weekly-report",
    "0 9 * * 1",
    "weekly-report",
    "Mails the owner of each project what was done last week.",
)
# Each of these counts its own day or month only.
DAILY_ANALYTICS = Schedule(
    "daily-analytics",
    "30 0 * * *",
    "daily-analytics",
    "Counts users, projects, tasks, files and jobs of the day before.",
    CatchUp.EVERY,
)
MONTHLY_ANALYTICS = Schedule(
    "monthly-analytics",
    "0 1 1 * *",
    "monthly-analytics",
    "Counts the month before.",
    CatchUp.EVERY,
)
SCHEDULES = (WEEKLY_REPORT, DAILY_ANALYTICS, MONTHLY_ANALYTICS)
_TIMEOUT_S = 3600.0
"""Thousands of mails and millions of events are counted in minutes; the rest is for a busy database."""


@dataclass(frozen=True)
class ReportJobs:
    """Does what is due at the ticks of the schedules; a job that runs again does nothing twice."""

    weekly_reports: WeeklyReports
    analytics: Analytics

    def handlers(self) -> tuple[AnyJobHandler, ...]:
        """Return the handlers of the queues of the schedules."""
        return (
            JobHandler(WEEKLY_REPORT.queue, TickPayload, self.mail_reports, timeout_s=_TIMEOUT_S),
            JobHandler(DAILY_ANALYTICS.queue, TickPayload, self.store_day, timeout_s=_TIMEOUT_S),
            JobHandler(MONTHLY_ANALYTICS.queue, TickPayload, self.store_month, timeout_s=_TIMEOUT_S),
        )

    async def mail_reports(self, job: Job[TickPayload]) -> Json:
        """Enqueue the mails about the week before the tick."""
        return {"mails": await self.weekly_reports.enqueue_mails(job.payload.time)}

    async def store_day(self, job: Job[TickPayload]) -> None:
        """Count the day before the tick."""
        await self.analytics.store_day(job.payload.time)

    async def store_month(self, job: Job[TickPayload]) -> None:
        """Count the month before the tick."""
        await self.analytics.store_month(job.payload.time)
