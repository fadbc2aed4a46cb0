"""A ZIP file as a stream: its entries are read one after the other, and nothing is held in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable
from dataclasses import dataclass
from datetime import datetime
from typing import IO, cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

_OWNER_READS_AND_WRITES = 0o600 << 16
_THREAD_BYTES = 64 * 1024
"""From this size on a piece is compressed in a thread: it would hold up others for milliseconds."""


@dataclass(frozen=True)
class ZipEntry:
    """A file of the archive: its name, and its content, which is compressed unless it is so already."""

    name: str
    content: AsyncIterable[bytes | bytearray]
    is_compressed: bool = True


class _Output:
    """What `ZipFile` writes to: it collects the bytes until they are taken. It cannot be sought in."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def write(self, data: bytes) -> int:
        """Collect bytes."""
        self._pending += data
        return len(data)

    def flush(self) -> None:
        """Do nothing: the bytes are taken by `take`."""

    def take(self) -> bytes:
        """Return what was collected, and forget it."""
        taken = bytes(self._pending)
        self._pending.clear()
        return taken


async def zip_stream(entries: AsyncIterable[ZipEntry], modified_at: datetime) -> AsyncGenerator[bytes]:
    """Yield the bytes of a ZIP file, of any size, with the entries in their order."""
    output = _Output()
    # ZipFile needs no more of a file that it only writes to than these two methods.
    with ZipFile(cast(IO[bytes], output), "w") as archive:
        async for entry in entries:
            info = ZipInfo(entry.name, modified_at.timetuple()[:6])
            info.compress_type = ZIP_DEFLATED if entry.is_compressed else ZIP_STORED
            info.external_attr = _OWNER_READS_AND_WRITES
            # The size is not known yet: the large form is needed if it turns out to be over 4 GB.
            with archive.open(info, "w", force_zip64=True) as member:
                async for chunk in entry.content:
                    if entry.is_compressed and len(chunk) >= _THREAD_BYTES:
                        await asyncio.to_thread(member.write, chunk)
                    else:
                        member.write(chunk)
                    yield output.take()
            yield output.take()
    yield output.take()
