"""Bodies in a folder (`file://`): written to an unfinished file, made durable, then linked to their key.

Calls that may wait for the disk run in threads. What the page cache holds is read at once: a thread would cost more
than the read.
"""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from monynha.infra.storage.object_store import (
    READ_CHUNK_BYTES,
    WRITE_CHUNK_BYTES,
    ObjectExistsError,
    ObjectInfo,
    ObjectMissingError,
    StorageUnavailableError,
)

_UNFINISHED = ".unfinished"
"""The folder of files that are being written."""
_PARTS_SUFFIX = ".parts"
_THREADS = 8
# EOPNOTSUPP: the file system cannot tell whether it would wait.
_WOULD_WAIT = frozenset({errno.EAGAIN, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS})
_NO_WAIT: int = getattr(os, "RWF_NOWAIT", 0)
_T = TypeVar("_T")


@dataclass(frozen=True)
class LocalStore:
    """An object store in a folder."""

    root: Path
    _executor: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_THREADS, thread_name_prefix="local-store")
    )

    @classmethod
    def open(cls, root: Path) -> LocalStore:
        """Create the folder if it is missing, and return its store; raise OSError if it is not writable."""
        unfinished = root / _UNFINISHED
        unfinished.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = unfinished / uuid4().hex
        probe.touch()
        probe.unlink()
        return cls(root)

    async def put(self, key: str, body: bytes | AsyncIterable[bytes | bytearray]) -> int:
        """Write a new object and return its size."""
        if isinstance(body, bytes):
            return await self._run(self._put_whole, key, body)
        unfinished = self.root / _UNFINISHED / uuid4().hex
        descriptor = await self._run(_create, unfinished)
        try:
            try:
                size = await self._write_all(descriptor, body)
                await self._run(os.fdatasync, descriptor)
            finally:
                os.close(descriptor)
            await self._run(self._publish, unfinished, key)
        except BaseException:
            with suppress(FileNotFoundError):
                unfinished.unlink()
            raise
        return size

    async def _write_all(self, descriptor: int, body: AsyncIterable[bytes | bytearray]) -> int:
        """Write chunk by chunk: the next one is collected while the last one is being written."""
        size, pending, writing = 0, bytearray(), None
        try:
            async for chunk in body:
                pending += chunk
                size += len(chunk)
                if len(pending) >= WRITE_CHUNK_BYTES:
                    if writing is not None:
                        await writing
                    writing = asyncio.ensure_future(self._run(_write_behind, descriptor, pending, size))
                    pending = bytearray()
        finally:
            if writing is not None:
                # The descriptor must stay open until the thread is done with it.
                await asyncio.shield(writing)
        await self._run(_write, descriptor, pending)
        return size

    def _put_whole(self, key: str, body: bytes) -> int:
        unfinished = self.root / _UNFINISHED / uuid4().hex
        descriptor = _create(unfinished)
        try:
            try:
                _write(descriptor, body)
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
            self._publish(unfinished, key)
        except BaseException:
            with suppress(FileNotFoundError):
                unfinished.unlink()
            raise
        return len(body)

    def _publish(self, unfinished: Path, key: str) -> None:
        """Give a finished file its key."""
        path = self._path(key)
        try:
            _in_folder(path, lambda: os.link(unfinished, path))
        except FileExistsError:
            raise ObjectExistsError(key) from None
        os.unlink(unfinished)

    async def read(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        """Return the bytes of a range, all by default."""
        with _open(self._path(key), key) as descriptor:
            if end is None:
                end = os.fstat(descriptor).st_size
            return bytes(await self._read_range(descriptor, start, end))

    async def stream(self, key: str, start: int, end: int) -> AsyncGenerator[bytes | bytearray]:
        """Yield the bytes of a range in chunks."""
        with _open(self._path(key), key) as descriptor:
            while start < end:
                chunk = await self._read_range(descriptor, start, min(end, start + READ_CHUNK_BYTES))
                if not chunk:
                    raise StorageUnavailableError()
                start += len(chunk)
                yield chunk

    async def _read_range(self, descriptor: int, start: int, end: int) -> bytes | bytearray:
        chunk = _read_cached(descriptor, start, end - start)
        return chunk if chunk is not None else await self._run(os.pread, descriptor, end - start, start)

    async def head(self, key: str) -> ObjectInfo:
        """Return what is known about an object."""
        return await self._run(self._head, key)

    def _head(self, key: str) -> ObjectInfo:
        try:
            return _info(key, os.stat(self._path(key)))
        except FileNotFoundError:
            raise ObjectMissingError(key) from None

    async def copy(self, source: str, destination: str) -> None:
        """Copy an object; both keys share one file, which is never changed."""
        await self._run(self._link, source, destination)

    async def rename(self, source: str, destination: str) -> None:
        """Move an object to a new key."""
        await self._run(self._link, source, destination)
        await self.delete((source,))

    def _link(self, source: str, destination: str) -> None:
        source_path, path = self._path(source), self._path(destination)
        try:
            _in_folder(path, lambda: os.link(source_path, path))
        except FileExistsError:
            raise ObjectExistsError(destination) from None
        except FileNotFoundError:
            raise ObjectMissingError(source) from None

    async def delete(self, keys: Iterable[str]) -> None:
        """Delete objects."""
        await self._run(self._delete, [self._path(key) for key in keys])

    def _delete(self, paths: list[Path]) -> None:
        for path in paths:
            with suppress(FileNotFoundError):
                path.unlink()

    async def list_objects(self, prefix: str) -> AsyncGenerator[ObjectInfo]:
        """Yield the objects below a folder."""
        walk = self._walk(prefix)
        while batch := await self._run(next, walk, ()):
            for info in batch:
                yield info

    def _walk(self, prefix: str) -> Iterator[list[ObjectInfo]]:
        for folder, _, names in os.walk(self._path(prefix)):
            infos = []
            for name in names:
                path = Path(folder, name)
                with suppress(FileNotFoundError):
                    infos.append(_info(str(path.relative_to(self.root)), path.stat()))
            if infos:
                yield infos

    async def write_part(self, key: str, offset: int, data: bytes | bytearray) -> None:
        """Store a part of an object at its offset in the file of the parts."""
        await self._run(self._write_part, key, offset, data)

    def _write_part(self, key: str, offset: int, data: bytes | bytearray) -> None:
        path = self._path(key + _PARTS_SUFFIX)
        descriptor = _in_folder(path, lambda: os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        try:
            # What a killed process wrote beyond the last durable part is overwritten, or cut off at the end.
            os.lseek(descriptor, offset, os.SEEK_SET)
            _write(descriptor, data)
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)

    async def join_parts(self, key: str, size: int) -> None:
        """Give the file of the parts its key."""
        await self._run(self._join_parts, key, size)

    def _join_parts(self, key: str, size: int) -> None:
        parts, path = self._path(key + _PARTS_SUFFIX), self._path(key)
        try:
            if parts.stat().st_size < size:
                raise ObjectMissingError(key)
            os.truncate(parts, size)
            os.rename(parts, path)
        except FileNotFoundError:
            if not path.exists() or path.stat().st_size != size:
                raise ObjectMissingError(key) from None

    async def delete_parts(self, key: str) -> None:
        """Delete the file of the parts."""
        await self.delete((key + _PARTS_SUFFIX,))

    async def delete_unfinished(self, before: datetime) -> None:
        """Delete the files of writes whose process died."""
        async for info in self.list_objects(_UNFINISHED + "/"):
            if info.modified_at < before:
                await self.delete((info.key,))

    async def is_reachable(self) -> bool:
        """Whether the folder is there and has room."""
        try:
            return await self._run(_has_room, self.root)
        except StorageUnavailableError:
            return False

    async def close(self) -> None:
        """End the threads."""
        self._executor.shutdown(wait=False)

    def _path(self, key: str) -> Path:
        path = self.root / key
        # Keys are the program's own; this is for a mistake in it.
        if ".." in key or key.startswith("/"):
            raise ValueError(f"not a key: {key!r}")
        return path

    async def _run(self, function: Callable[..., _T], *arguments: object) -> _T:
        """Call a function in a thread; raise StorageUnavailableError for an error of the file system."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, function, *arguments)
        except OSError as error:
            raise StorageUnavailableError() from error


def _create(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def _write(descriptor: int, data: bytes | bytearray) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _write_behind(descriptor: int, data: bytearray, end: int) -> None:
    """Write, and let the kernel begin to store it: little is left to wait for when the whole body must be durable."""
    _write(descriptor, data)
    os.posix_fadvise(descriptor, end - len(data), len(data), os.POSIX_FADV_DONTNEED)


def _read_cached(descriptor: int, start: int, size: int) -> bytes | bytearray | None:
    """Return the bytes if the page cache holds all of them, else None."""
    buffer = bytearray(size)
    try:
        if os.preadv(descriptor, [buffer], start, _NO_WAIT) == size and _NO_WAIT:
            return buffer
    except OSError as error:
        if error.errno not in _WOULD_WAIT:
            raise StorageUnavailableError() from error
    return None


@contextmanager
def _open(path: Path, key: str) -> Iterator[int]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise ObjectMissingError(key) from None
    except OSError as error:
        raise StorageUnavailableError() from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _in_folder(path: Path, call: Callable[[], _T]) -> _T:
    """Make the call; make it again after creating the folder of the path, if that was missing."""
    try:
        return call()
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return call()


def _info(key: str, stat: os.stat_result) -> ObjectInfo:
    return ObjectInfo(key, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))


def _has_room(root: Path) -> bool:
    return shutil.disk_usage(root).free > 0
