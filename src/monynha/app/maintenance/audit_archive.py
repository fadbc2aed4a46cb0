"""Old audit events: written to the object store as one compressed file for each seal, then deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from monynha.app.maintenance.line_archive import store_lines
from monynha.domains.audit.retention import AuditRetention, OldSeal
from monynha.infra.storage import ObjectStore

PREFIX = "archive/audit"
"""The folder of the object store."""


@dataclass(frozen=True)
class AuditArchive:
    """Moves the events of whole seals out of the database; the seals stay there."""

    retention: AuditRetention
    store: ObjectStore

    async def archive_before(self, cutoff: datetime) -> int:
        """Store and delete the events of all seals that were over at the cutoff; return how many there were.

        The events of a seal are deleted only after their file is stored. If the program dies between the two, the next
        run stores the same file again.
        """
        total = 0
        while seal := await self.retention.fetch_oldest_seal(cutoff):
            await store_lines(self.store, self.retention.read(seal), partial(_key, seal))
            total += await self.retention.delete(seal)
        return total


def _key(seal: OldSeal, digest: str) -> str:
    return f"{PREFIX}/{seal.last_at:%Y/%m}/{seal.last_at:%Y-%m-%d}-seal-{seal.number}-{digest}.jsonl.gz"
