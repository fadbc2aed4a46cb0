"""The bytes that clients have not read yet: one budget for the process, and the least speed of a reader.

Only what is kept in this process counts: the write buffer, the rest of a body of which a part has been sent, and what
the buffer of an event stream holds; not what the kernel has taken. A connection is watched from the moment its write
buffer is full until it has drained, so that fast clients cost nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

MIN_READ_BYTES_PER_S = 16 * 1024
_WINDOW_S = 10
"""A reader must reach the least speed on average over so many seconds."""
_CHECK_INTERVAL_S = 1.0
WaitingBytes = Callable[[], int]
"""How much of a response is in memory and not in the write buffer."""
_log = structlog.get_logger("monynha.http")


@dataclass(eq=False, slots=True)
class SlowReader:
    """A client whose connection has a full write buffer."""

    transport: asyncio.Transport
    started_at: float
    queued_bytes: int
    """What was in the write buffer when the watch began, and what was written since."""
    waiting_bytes: WaitingBytes
    unsent_bytes: int = 0
    """What waited at the last check, in the write buffer and before it."""
    samples: deque[int] = field(default_factory=lambda: deque((0,), maxlen=_WINDOW_S + 1))
    """How much the client had read at each check, oldest first."""

    def sample(self) -> None:
        """Measure how much the client has read."""
        self.count()
        self.samples.append(self.queued_bytes - self.transport.get_write_buffer_size())

    def count(self) -> None:
        """Count what waits."""
        self.unsent_bytes = self.transport.get_write_buffer_size() + self.waiting_bytes()

    @property
    def bytes_per_s(self) -> float:
        """The speed over the last checks."""
        return (self.samples[-1] - self.samples[0]) / max(1, len(self.samples) - 1)

    @property
    def is_too_slow(self) -> bool:
        """Whether the client was slower than allowed over the whole window."""
        return len(self.samples) > _WINDOW_S and self.bytes_per_s < MIN_READ_BYTES_PER_S

    @property
    def abort_order(self) -> tuple[bool, float, float]:
        """Sorts the slowest first; a reader that was not measured yet comes last."""
        return len(self.samples) == 1, self.bytes_per_s, self.started_at


class UnsentBytes:
    """The slow readers of this process; those that are too slow, or too many, are disconnected."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._readers: dict[SlowReader, None] = {}
        self._total_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def total_bytes(self) -> int:
        """How much waited at the last check, with what has come since."""
        return self._total_bytes

    def watch(self, transport: asyncio.Transport, waiting_bytes: WaitingBytes = lambda: 0) -> SlowReader:
        """Watch a connection whose write buffer is full, until `unwatch`."""
        loop = asyncio.get_running_loop()
        reader = SlowReader(transport, loop.time(), transport.get_write_buffer_size(), waiting_bytes)
        reader.count()
        self._readers[reader] = None
        self._total_bytes += reader.unsent_bytes
        if self._total_bytes > self._limit_bytes:
            self._sample_all()
            self._enforce_limit()
        if self._timer is None:
            self._timer = loop.call_later(_CHECK_INTERVAL_S, self._check)
        return reader

    def unwatch(self, reader: SlowReader) -> None:
        """Forget a connection that has drained or is closed."""
        if reader in self._readers:
            del self._readers[reader]
            self._total_bytes -= reader.unsent_bytes

    def _check(self) -> None:
        self._timer = None
        for reader in self._readers:
            reader.sample()
        self._total_bytes = sum(reader.unsent_bytes for reader in self._readers)
        for reader in [reader for reader in self._readers if reader.is_too_slow]:
            self._abort(reader, "the client reads too slowly")
        self._enforce_limit()
        if self._readers:
            self._timer = asyncio.get_running_loop().call_later(_CHECK_INTERVAL_S, self._check)

    def _sample_all(self) -> None:
        for reader in self._readers:
            reader.count()
        self._total_bytes = sum(reader.unsent_bytes for reader in self._readers)

    def _enforce_limit(self) -> None:
        if self._total_bytes <= self._limit_bytes:
            return
        for reader in sorted(self._readers, key=lambda reader: reader.abort_order):
            if self._total_bytes <= self._limit_bytes:
                break
            self._abort(reader, "too many bytes are unsent")

    def _abort(self, reader: SlowReader, reason: str) -> None:
        _log.warning("connection aborted", reason=reason, unsentBytes=reader.unsent_bytes)
        self.unwatch(reader)
        reader.transport.abort()
