"""Builds the service `worker`: the handlers of all domains, and the worker that runs them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from monynha.app.composition.schedules import schedule_handlers
from monynha.core.clock import utc_now
from monynha.core.settings.settings import Settings
from monynha.domains.auth.phone.sms_hook import SmsHook
from monynha.domains.exports.data_exports import DataExports
from monynha.domains.files.composition import FileServices
from monynha.domains.invitations.expiry import InvitationExpiry
from monynha.domains.storage.composition import StorageServices
from monynha.engine.query.queries import Queries
from monynha.engine.realtime.event_log import Stream
from monynha.engine.realtime.hub import Hub
from monynha.infra.mail import EmailSender
from monynha.infra.postgres.database import Database
from monynha.infra.queue.job import AnyJobHandler
from monynha.infra.queue.job_store import JOBS_STREAM_KIND, JobStore
from monynha.infra.queue.worker import Worker, WorkerOptions


def job_handlers(
    settings: Settings,
    database: Database,
    queries: Queries,
    email_sender: EmailSender,
    storage: StorageServices,
    files: FileServices,
) -> tuple[AnyJobHandler, ...]:
    """Return the handlers of all domains, one for each queue."""
    return (
        email_sender.handler(),
        SmsHook.from_settings(settings, utc_now).handler(),
        files.processor.job_handler,
        DataExports.build(database, queries, storage).job_handler,
        InvitationExpiry(database).handler(),
        *schedule_handlers(settings, database, storage, files),
    )


def start_worker(
    settings: Settings, database: Database, hub: Hub, handlers: tuple[AnyJobHandler, ...]
) -> Worker | None:
    """Start a worker, which is woken when a commit in any process reports that jobs are ready.

    Return None if the service `worker` does not run here.
    """
    if "worker" not in settings.services:
        return None
    options = WorkerOptions(
        concurrency=settings.job_concurrency,
        retention=timedelta(days=settings.job_retention_days),
        dead_retention=timedelta(days=settings.dead_job_retention_days),
    )
    worker = Worker(JobStore(database, uuid4()), handlers, options)
    hub.observe_new_streams(_JobReports(worker), kind=JOBS_STREAM_KIND)
    worker.start()
    return worker


@dataclass(eq=False)
class _JobReports:
    """Wakes the worker by the streams that commits report; the queue counts as a stream to which nobody subscribes."""

    worker: Worker

    def on_new_stream(self, stream: Stream) -> None:
        """Wake the worker."""
        self.worker.wake(stream.id)
