"""ZIP streams: what they hold is read back by a tool that knows nothing of us, and nothing is kept in memory."""

from __future__ import annotations

import io
import os
import tracemalloc
import zipfile
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import pytest

from monynha.domains.exports.zip_stream import ZipEntry, zip_stream

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 27, 18, 37, 4, tzinfo=UTC)


async def chunks_of(*chunks: bytes) -> AsyncGenerator[bytes]:
    for chunk in chunks:
        yield chunk


async def entries_of(*entries: ZipEntry) -> AsyncGenerator[ZipEntry]:
    for entry in entries:
        yield entry


async def archive_of(*entries: ZipEntry) -> zipfile.ZipFile:
    """Return the archive that the stream of the entries writes."""
    content = b"".join([chunk async for chunk in zip_stream(entries_of(*entries), NOW)])
    return zipfile.ZipFile(io.BytesIO(content))


async def test_entries_are_read_back_in_their_order() -> None:
    random = os.urandom(300_000)
    archive = await archive_of(
        ZipEntry("a.json", chunks_of(b'{"a":', b"1}")),
        ZipEntry("files/ação.bin", chunks_of(random[:1000], random[1000:]), is_compressed=False),
        ZipEntry("empty.txt", chunks_of()),
        ZipEntry("large.json", chunks_of(b"x" * 200_000)),
    )

    assert archive.testzip() is None
    assert archive.namelist() == ["a.json", "files/ação.bin", "empty.txt", "large.json"]
    assert archive.read("a.json") == b'{"a":1}'
    assert archive.read("files/ação.bin") == random
    assert archive.read("empty.txt") == b""
    infos = {info.filename: info for info in archive.infolist()}
    assert infos["files/ação.bin"].compress_type == zipfile.ZIP_STORED
    assert infos["large.json"].compress_size < 2_000
    assert infos["a.json"].date_time == (2026, 11, 27, 18, 37, 4)


async def test_an_archive_without_entries_is_one() -> None:
    assert (await archive_of()).namelist() == []


async def test_a_large_entry_is_not_held_in_memory() -> None:
    chunk = os.urandom(256 * 1024)

    async def large() -> AsyncGenerator[bytes]:
        for _ in range(200):
            yield chunk

    tracemalloc.start()
    try:
        size = 0
        async for piece in zip_stream(entries_of(ZipEntry("large.bin", large(), is_compressed=False)), NOW):
            size += len(piece)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert size > 200 * len(chunk)
    assert peak < 4 * 1024 * 1024


async def test_what_an_entry_raises_ends_the_stream() -> None:
    async def broken() -> AsyncGenerator[bytes]:
        yield b"x"
        raise OSError("the store is away")

    with pytest.raises(OSError, match="away"):
        async for _ in zip_stream(entries_of(ZipEntry("a", broken())), NOW):
            pass
