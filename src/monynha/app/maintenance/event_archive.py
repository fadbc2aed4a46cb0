"""Old events: written to the object store as one compressed file for each day, then deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from monynha.app.maintenance.line_archive import store_lines
from monynha.engine.realtime.event_retention import EventRetention
from monynha.infra.storage import ObjectStore

PREFIX = "archive/events"
"""The folder of the object store."""


@dataclass(frozen=True)
class EventArchive:
    """Moves the events of whole days (UTC) out of the database."""

    retention: EventRetention
    store: ObjectStore

    async def archive_before(self, cutoff: datetime) -> int:
        """Store and delete the events of all days that were over at the cutoff; return how many there were.

        A day is deleted only after its file is stored, and if it has as many events as the file. If the program dies
        between the two, the next run stores the same file again.
        """
        before = datetime.combine(cutoff.astimezone(UTC).date(), time(), UTC)
        total = 0
        while day := await self.retention.fetch_oldest_day(before):
            total += await self._archive_day(day)
        await self.retention.maintain_partitions(before)
        return total

    async def _archive_day(self, day: date) -> int:
        count = await store_lines(
            self.store,
            self.retention.read_day(day),
            lambda digest: f"{PREFIX}/{day:%Y/%m}/{day.isoformat()}-{digest}.jsonl.gz",
        )
        await self.retention.delete_day(day, expected=count)
        return count
