"""Builds the service `scheduler`, and the handlers of the jobs that it enqueues."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from monynha.app.maintenance.clean_up import CleanUp, CleanUpStep
from monynha.app.maintenance.event_archive import EventArchive
from monynha.core.settings.settings import Settings
from monynha.domains.auth.services.expired_credentials import ExpiredCredentials
from monynha.domains.reports.analytics import Analytics
from monynha.domains.reports.jobs import SCHEDULES as REPORT_SCHEDULES
from monynha.domains.reports.jobs import ReportJobs
from monynha.domains.reports.unsubscriptions import UnsubscribeLinks
from monynha.domains.reports.weekly_report import WeeklyReports
from monynha.engine.mutation.idempotency import delete_old_keys
from monynha.engine.realtime.event_retention import EventRetention
from monynha.infra.postgres.database import Database
from monynha.infra.queue.job import AnyJobHandler, Job, JobHandler, Json
from monynha.infra.schedules import Clock, Schedule, Scheduler, ScheduleRuns, TickPayload, utc_now
from monynha.infra.storage import open_store

CLEAN_UP = Schedule(
    "clean-up",
    "0 2 * * *",
    "clean-up",
    "Deletes what has expired, and archives events that are older than they are kept.",
)
SCHEDULES: tuple[Schedule, ...] = (CLEAN_UP, *REPORT_SCHEDULES)
_CLEAN_UP_TIMEOUT_S = 4 * 3600.0


def start_scheduler(settings: Settings, database: Database) -> asyncio.Task[None] | None:
    """Start to enqueue jobs when they are due; None if the service `scheduler` does not run here.

    A job is reported to the workers through `database`, as every commit is.
    """
    if "scheduler" not in settings.services:
        return None
    return asyncio.create_task(Scheduler(ScheduleRuns(database), SCHEDULES).run())


def schedule_handlers(settings: Settings, database: Database, clock: Clock = utc_now) -> tuple[AnyJobHandler, ...]:
    """Return the handlers of the jobs of all schedules."""
    retention_days = settings.events_retention_days
    reports = ReportJobs(
        WeeklyReports(database, UnsubscribeLinks(settings.jwt_secret), retention_days),
        Analytics(database, retention_days),
    )
    clean_up = _CleanUpJob(CleanUp(_clean_up_steps(settings, database)), clock)
    return (JobHandler(CLEAN_UP.queue, TickPayload, clean_up.run, timeout_s=_CLEAN_UP_TIMEOUT_S), *reports.handlers())


def _clean_up_steps(settings: Settings, database: Database) -> dict[str, CleanUpStep]:
    """Return what the clean-up does: the one place that decides it, but for jobs, which workers delete themselves."""
    credentials = ExpiredCredentials(database)
    return {
        "sessions": credentials.delete_sessions,
        "tokens": credentials.delete_tokens,
        "idempotencyKeys": lambda _: delete_old_keys(database),
        "events": _EventStep(settings, EventRetention(database)).run,
    }


@dataclass(frozen=True)
class _CleanUpJob:
    """Runs the clean-up as a job; what is old is decided by the time at which it runs, not at which it was due."""

    clean_up: CleanUp
    clock: Clock

    async def run(self, job: Job[TickPayload]) -> Json:
        return {**await self.clean_up.run(self.clock())}


@dataclass(frozen=True)
class _EventStep:
    """Archives old events if events are not kept for good, and creates the partitions of the coming months."""

    settings: Settings
    retention: EventRetention

    async def run(self, now: datetime) -> int:
        days = self.settings.events_retention_days
        if days is None:
            await self.retention.maintain_partitions(None)
            return 0
        store = open_store(self.settings.storage_url)
        try:
            return await EventArchive(self.retention, store).archive_before(now - timedelta(days=days))
        finally:
            await store.close()
