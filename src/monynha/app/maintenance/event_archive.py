"""Old events: written to the object store as one compressed file for each day, then deleted."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from tempfile import TemporaryDirectory

from monynha.engine.realtime.event_retention import EventRetention

PREFIX = "archive/events"
"""The folder of the object store."""

StoreFile = Callable[[str, Path], Awaitable[None]]
"""Stores a local file under a key, durably, in the place of one that may be there."""


@dataclass(frozen=True)
class EventArchive:
    """Moves the events of whole days (UTC) out of the database."""

    retention: EventRetention
    store_file: StoreFile

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
        with TemporaryDirectory(prefix="monynha-archive-") as folder:
            path = Path(folder) / "events.jsonl.gz"
            digest, count = await self._write_day(day, path)
            # Named by its content: events that are written to an archived day later replace no file.
            await self.store_file(f"{PREFIX}/{day:%Y/%m}/{day.isoformat()}-{digest[:16]}.jsonl.gz", path)
        await self.retention.delete_day(day, expected=count)
        return count

    async def _write_day(self, day: date, path: Path) -> tuple[str, int]:
        """Write a line of JSON for each event of a day; return the SHA-256 of the lines, and their number."""
        digest, count = hashlib.sha256(), 0
        with gzip.GzipFile(path, "wb", mtime=0) as file:
            async with aclosing(self.retention.read_day(day)) as pages:
                async for lines in pages:
                    text = "".join(f"{line}\n" for line in lines).encode()
                    digest.update(text)
                    count += len(lines)
                    await asyncio.to_thread(file.write, text)
        return digest.hexdigest(), count
