"""Writes log lines in batches from a thread of its own, so that no request waits for a disk or a pipe.

Lines wait for a twentieth of a second at most, and `close` writes those that still wait. When nobody reads the pipe,
lines are dropped beyond a bound, and a line says how many.
"""

from __future__ import annotations

import os
import select
import stat
import threading
from collections.abc import Iterator

_BATCH_PAUSE_S = 0.05
_CLOSE_TIMEOUT_S = 5.0
_MAX_WAITING_BYTES = 8_000_000
_MAX_WRITE_BYTES = 1_000_000


class LogWriter:
    """Writes lines to a file descriptor, which it does not close."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._max_write_bytes = _max_write_bytes(descriptor)
        self._lock = threading.Lock()
        self._lines: list[bytes] = []
        self._waiting_bytes = 0
        self._dropped = 0
        self._has_lines = threading.Event()
        self._is_closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def write(self, line: bytes) -> None:
        """Write a line, which ends in a line break, soon; after `close` at once."""
        with self._lock:
            if self._waiting_bytes > _MAX_WAITING_BYTES:
                self._dropped += 1
                return
            self._lines.append(line)
            self._waiting_bytes += len(line)
        if self._is_closing.is_set():
            self._write_waiting()
        elif not self._has_lines.is_set():
            self._has_lines.set()

    def close(self) -> None:
        """Write everything that waits; give up after 5 s if nobody reads the pipe."""
        if self._is_closing.is_set():
            return
        self._is_closing.set()
        self._has_lines.set()
        self._thread.join(_CLOSE_TIMEOUT_S)
        if not self._thread.is_alive():
            # What other threads wrote meanwhile.
            self._write_waiting()

    def _run(self) -> None:
        while not self._is_closing.is_set():
            self._has_lines.wait()
            self._is_closing.wait(_BATCH_PAUSE_S)
            self._has_lines.clear()
            self._write_waiting()

    def _write_waiting(self) -> None:
        with self._lock:
            lines, self._lines = self._lines, []
            dropped, self._dropped, self._waiting_bytes = self._dropped, 0, 0
        if dropped:
            lines.append(b'{"level":"warning","event":"log lines were dropped","count":%d}\n' % dropped)
        for chunk in _join_lines(lines, self._max_write_bytes):
            if not _write_all(self._descriptor, chunk):
                return


def _max_write_bytes(descriptor: int) -> int:
    """Return how many bytes may be written at once: other processes write whole lines to the same pipe."""
    mode = os.fstat(descriptor).st_mode
    return select.PIPE_BUF if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) else _MAX_WRITE_BYTES


def _join_lines(lines: list[bytes], max_bytes: int) -> Iterator[bytes]:
    """Join lines to chunks of up to `max_bytes`; a longer line is a chunk of its own."""
    chunk: list[bytes] = []
    size = 0
    for line in lines:
        if chunk and size + len(line) > max_bytes:
            yield b"".join(chunk)
            chunk, size = [], 0
        chunk.append(line)
        size += len(line)
    if chunk:
        yield b"".join(chunk)


def _write_all(descriptor: int, data: bytes) -> bool:
    """Write all bytes; return False if the file or pipe takes none: there is nobody to report that to."""
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            select.select((), (descriptor,), ())
        except OSError:
            return False
    return True
