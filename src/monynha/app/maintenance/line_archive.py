"""Archives: lines of JSON, stored as one compressed file that is named by its content."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from monynha.infra.storage import ObjectExistsError, ObjectStore

_CHUNK_BYTES = 1024 * 1024
_DIGEST_LENGTH = 16


async def store_lines(store: ObjectStore, pages: AsyncGenerator[list[str]], key_of: Callable[[str], str]) -> int:
    """Store pages of lines, given without their line ends, and return how many lines there were.

    `key_of` makes the key from the beginning of the SHA-256 of the lines: a file which exists is the one that is to be
    stored, and other lines replace none.
    """
    with TemporaryDirectory(prefix="monynha-archive-") as folder:
        path = Path(folder) / "lines.jsonl.gz"
        digest, count = await _write(pages, path)
        with suppress(ObjectExistsError):
            await store.put(key_of(digest[:_DIGEST_LENGTH]), _read(path))
    return count


async def _write(pages: AsyncGenerator[list[str]], path: Path) -> tuple[str, int]:
    """Write the lines; return their SHA-256 and their number."""
    digest, count = hashlib.sha256(), 0
    with gzip.GzipFile(path, "wb", mtime=0) as file:
        async with aclosing(pages):
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
