"""File locks: which processes may use a data folder at the same time."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monynha.core.errors import SettingsError
from monynha.infra.embedded.data_dir import ensure_directory

_RETRY_INTERVAL_S = 0.05
_MAX_ATTEMPTS = 10  # `served_url` of another process holds the lock for an instant


class FileLock:
    """An advisory lock on a file (flock), which the kernel releases when its holder dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def try_acquire(self, *, shared: bool = False) -> bool:
        """Take the lock if it is free; return whether it is held."""
        descriptor = self._descriptor if self._descriptor is not None else self._open()
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
            if self._descriptor is None:
                os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    async def acquire(self, *, shared: bool = False) -> None:
        """Wait until the lock is free, and take it."""
        while not self.try_acquire(shared=shared):
            await asyncio.sleep(_RETRY_INTERVAL_S)

    def release(self) -> None:
        """Release the lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def write_note(self, text: str) -> None:
        """Write a text into the locked file, for processes that find the lock taken."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, text.encode(), 0)

    def read_note(self) -> str:
        """Return the text that the holder of the lock wrote."""
        return self._path.read_text(encoding="utf-8") if self._path.exists() else ""

    def _open(self) -> int:
        try:
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SettingsError(f"MONYNHA_DATA_DIR: {self._path}: {error.strerror}") from error


@contextmanager
def hold_serve_lock(data_dir: Path) -> Iterator[FileLock]:
    """Hold the lock of the one `serve` of this data folder; its note is the URL that is served.

    Raises SettingsError if another process holds it.
    """
    ensure_directory(data_dir)
    lock = FileLock(data_dir / "serve.lock")
    for _ in range(_MAX_ATTEMPTS):
        if lock.try_acquire():
            break
        time.sleep(_RETRY_INTERVAL_S)
    else:
        url = lock.read_note() or "starting"
        raise SettingsError(f"MONYNHA_DATA_DIR: another `monynha serve` uses {data_dir} ({url})")
    try:
        lock.write_note("")
        yield lock
    finally:
        lock.release()


def served_url(data_dir: Path) -> str | None:
    """Return the URL at which this data folder is served at the moment, or None."""
    lock = FileLock(data_dir / "serve.lock")
    if not data_dir.is_dir() or lock.try_acquire():
        lock.release()
        return None
    return lock.read_note() or None
