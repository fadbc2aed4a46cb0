"""Builds the service `scheduler`, and the handlers of the jobs that it enqueues."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from monynha.app.maintenance.audit_archive import AuditArchive
from monynha.app.maintenance.clean_up import CleanUp
from monynha.app.maintenance.event_archive import EventArchive
from monynha.core.clock import Clock, utc_now
from monynha.core.settings.settings import Settings
from monynha.domains.audit.jobs import SEAL_AUDIT_LOG, SealJob
from monynha.domains.audit.retention import AuditRetention
from monynha.domains.audit.seals import AuditSeals
from monynha.domains.auth.services.expired_credentials import ExpiredCredentials
from monynha.domains.auth.services.unused_anonymous_users import UnusedAnonymousUsers
from monynha.domains.exports.data_exports import delete_expired_exports
from monynha.domains.files.composition import FileServices
from monynha.domains.invitations.expiry import InvitationExpiry
from monynha.domains.reports.jobs import SCHEDULES as REPORT_SCHEDULES
from monynha.domains.reports.jobs import ReportJobs
from monynha.domains.reports.period_counts import Analytics
from monynha.domains.reports.unsubscriptions import UnsubscribeLinks
from monynha.domains.reports.weekly_report import WeeklyReports
from monynha.domains.storage.composition import StorageServices
from monynha.engine.mutation.idempotency import delete_old_keys
from monynha.engine.realtime.event_retention import EventRetention
from monynha.infra.postgres.database import Database
from monynha.infra.queue.job import AnyJobHandler, Job, JobHandler, Json
from monynha.infra.schedules import Schedule, Scheduler, ScheduleRuns, TickPayload

CLEAN_UP = Schedule(
    "clean-up",
    "0 2 * * *",
    "clean-up",
    "Deletes what has expired, and archives events that are older than they are kept.",
)
SCHEDULES: tuple[Schedule, ...] = (CLEAN_UP, SEAL_AUDIT_LOG, *REPORT_SCHEDULES)
_CLEAN_UP_TIMEOUT_S = 4 * 3600.0


def start_scheduler(settings: Settings, database: Database) -> asyncio.Task[None] | None:
    """Start to enqueue jobs when they are due; None if the service `scheduler` does not run here.

    A job is reported to the workers through `database`, as every commit is.
    """
    if "scheduler" not in settings.services:
        return None
    return asyncio.create_task(Scheduler(ScheduleRuns(database), SCHEDULES).run())


def schedule_handlers(
    settings: Settings,
    database: Database,
    storage: StorageServices,
    files: FileServices,
    *,
    clock: Clock = utc_now,
) -> tuple[AnyJobHandler, ...]:
    """Return the handlers of the jobs of all schedules."""
    retention_days = settings.events_retention_days
    reports = ReportJobs(
        WeeklyReports(database, UnsubscribeLinks(settings.jwt_secret), retention_days),
        Analytics(database, retention_days),
    )
    archive = EventArchive(EventRetention(database), storage.store)
    credentials = ExpiredCredentials(database)
    audit_archive = AuditArchive(AuditRetention(database), storage.store)
    # The one place that decides what is deleted, but for ended jobs, which the workers delete themselves.
    clean_up = CleanUp(
        {
            "sessions": credentials.delete_sessions,
            "tokens": credentials.delete_tokens,
            "knownDevices": credentials.delete_known_devices,
            "anonymousUsers": UnusedAnonymousUsers(database, settings.anonymous_retention_days).delete,
            "applications": credentials.delete_unused_clients,
            "invitations": InvitationExpiry(database).delete_ended,
            "idempotencyKeys": lambda _: delete_old_keys(database),
            "uploads": storage.sweep,
            "exports": lambda now: delete_expired_exports(database, now),
            "files": files.sweep,
            "events": _EventStep(archive, retention_days).run,
            "auditEvents": _AuditStep(audit_archive, settings.audit_retention_days).run,
        }
    )
    return (
        JobHandler(CLEAN_UP.queue, TickPayload, _CleanUpJob(clean_up, clock).run, timeout_s=_CLEAN_UP_TIMEOUT_S),
        SealJob(AuditSeals(database, settings.jwt_secret)).handler,
        *reports.handlers(),
    )


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

    archive: EventArchive
    retention_days: int | None

    async def run(self, now: datetime) -> int:
        if self.retention_days is None:
            await self.archive.retention.maintain_partitions(None)
            return 0
        return await self.archive.archive_before(now - timedelta(days=self.retention_days))


@dataclass(frozen=True)
class _AuditStep:
    """Archives sealed audit events that are older than they are kept; the seals stay."""

    archive: AuditArchive
    retention_days: int

    async def run(self, now: datetime) -> int:
        return await self.archive.archive_before(now - timedelta(days=self.retention_days))
