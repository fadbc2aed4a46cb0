"""Old events: written to the object store as one compressed file for each day, then deleted."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from tempfile import TemporaryDirectory

from monynha.engine.realtime.event_retention import EventRetention
from monynha.infra.storage import ObjectExistsError, ObjectStore

PREFIX = "archive/events"
"""The folder of the object store."""
_CHUNK_BYTES = 1024 * 1024


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
        with TemporaryDirectory(prefix="monynha-archive-") as folder:
            path = Path(folder) / "events.jsonl.gz"
            digest, count = await self._write_day(day, path)
            # Named by its content, so that a file which exists is the one that is to be stored, and events that
            # were written to an archived day later replace none.
            with suppress(ObjectExistsError):
                await self.store.put(f"{PREFIX}/{day:%Y/%m}/{day.isoformat()}-{digest[:16]}.jsonl.gz", _read(path))
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


async def _read(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
            yield chunk
