"""Who may use a data folder at the same time."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monynha.core.errors import WrongSetting
from monynha.infra.embedded.folder import prepare

_PAUSE_S = 0.05
_TRIES = 10  # who only asks whether the folder is served holds its lock for an instant


class Lock:
    """A lock on a file, which the kernel opens again when its holder dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def take(self, *, shared: bool = False) -> bool:
        """Take the lock if nobody stands against it."""
        handle = self._handle if self._handle is not None else self._open()
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError as cause:
            if cause.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
            if self._handle is None:
                os.close(handle)
            return False
        self._handle = handle
        return True

    async def wait(self, *, shared: bool = False) -> None:
        """Take the lock as soon as it can be had."""
        while not self.take(shared=shared):
            await asyncio.sleep(_PAUSE_S)

    def free(self) -> None:
        """Give the lock back."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def write(self, text: str) -> None:
        """Leave a note for those who find the lock taken."""
        if self._handle is not None:
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, text.encode(), 0)

    def note(self) -> str:
        """What the present holder left."""
        return self._path.read_text(encoding="utf-8") if self._path.exists() else ""

    def _open(self) -> int:
        try:
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as cause:
            raise WrongSetting(f"MONYNHA_DATA_DIR: {self._path}: {cause.strerror}") from cause


@contextmanager
def serving(data_dir: Path) -> Iterator[Lock]:
    """Be the one `serve` of this data folder, or be refused; its note is the address served at."""
    prepare(data_dir)
    lock = Lock(data_dir / "serve.lock")
    for _ in range(_TRIES):
        if lock.take():
            break
        time.sleep(_PAUSE_S)
    else:
        at = lock.note() or "starting"
        raise WrongSetting(f"MONYNHA_DATA_DIR: another `monynha serve` uses {data_dir} ({at})")
    try:
        lock.write("")
        yield lock
    finally:
        lock.free()


def served_at(data_dir: Path) -> str | None:
    """The address at which this data folder is served right now."""
    lock = Lock(data_dir / "serve.lock")
    if not data_dir.is_dir() or lock.take():
        lock.free()
        return None
    return lock.note() or None
