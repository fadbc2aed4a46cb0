"""The hourly job that seals the audit log."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from monynha.domains.audit.seals import AuditSeals
from monynha.infra.queue.job import AnyJobHandler, Job, JobHandler, Json
from monynha.infra.schedules import Schedule, TickPayload

SEAL_AUDIT_LOG = Schedule(
    "seal-audit-log",
    "0 * * * *",
    "seal-audit-log",
    "Seals the audit log with a hash, so that a change or a removal shows.",
)
_TIMEOUT_S = 600.0

_log = structlog.get_logger("monynha.audit")


@dataclass(frozen=True)
class SealJob:
    """Seals what happened since the last seal; run twice, the second time finds nothing."""

    seals: AuditSeals

    @property
    def handler(self) -> AnyJobHandler:
        """The handler of the job."""
        return JobHandler(SEAL_AUDIT_LOG.queue, TickPayload, self.run, timeout_s=_TIMEOUT_S)

    async def run(self, _: Job[TickPayload]) -> Json:
        """Seal, and report the seal to the log, which may be kept where nobody can change it."""
        seal = await self.seals.seal()
        if seal is None:
            return {}
        _log.info("audit log sealed", number=seal.number, hash=seal.hash, events=seal.event_count)
        return {"number": seal.number, "hash": seal.hash, "events": seal.event_count}
