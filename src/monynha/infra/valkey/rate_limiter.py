"""Rate limits as sliding windows, counted in Valkey for all processes, or in this process without Valkey.

Here each request is counted before it is admitted; `leased_rate_limit` counts many at once.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from math import ceil
from typing import cast

import hiredis

from monynha.core.settings.setting_types import Limit
from monynha.infra.valkey.client import Script, ValkeyClient, ValkeyUnavailableError

_log = logging.getLogger("monynha.limits")
_MAX_LOCAL_WINDOWS = 10_000
SLOTS = 64
"""How many slots a large window has; a limit of up to so many is counted exactly."""


@dataclass(frozen=True, slots=True)
class RateLimitWindow:
    """What is counted for which subject, and how often it is allowed; equal subject and action share a count."""

    subject: str
    action: str
    limit: Limit

    @property
    def key(self) -> str:
        """The key in Valkey; the braces keep all windows of a subject on one node of a cluster."""
        return f"rate_limit:{{{self.subject}}}:{self.action}"

    def result(self, count: WindowCount) -> RateLimitResult:
        """Return what a count means for a client."""
        had_room, used, reset_ms = count
        return RateLimitResult(bool(had_room), self, max(0, self.limit.count - used), max(1, ceil(reset_ms / 1000)))


@dataclass(frozen=True, slots=True)
class RateLimitResult:
    """What is left of a window; after `reset_s` seconds it has room for one more than now."""

    is_allowed: bool
    window: RateLimitWindow
    remaining: int
    reset_s: int


WindowCount = tuple[int, int, int]
"""Whether the window had room (0 or 1), how often it is used, and in how many ms it has room for one more."""


def address_digest(address: str) -> str:
    """Return what stands for an email address, a number or a user name in a window, so that the cache holds none."""
    return hashlib.sha256(address.strip().lower().encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass
class RateLimiter:
    """Counts in Valkey, or in this process while Valkey is unavailable; it never fails.

    `clock_ms` is for tests; without it the server's own clock counts.
    """

    valkey: ValkeyClient | None
    clock_ms: Callable[[], int] | None = None
    _local_windows: dict[str, dict[int, int]] = field(default_factory=dict)

    async def count(self, windows: Sequence[RateLimitWindow], times: int = 1) -> list[RateLimitResult]:
        """Count once, or `times` times, in all windows, or in none if one of them is full."""
        if not windows:
            return []
        counts = await self._count_in_valkey(windows, times)
        if counts is None:
            return self.count_locally(windows, times)
        return [window.result(count) for window, count in zip(windows, counts, strict=True)]

    def count_locally(self, windows: Sequence[RateLimitWindow], times: int = 1) -> list[RateLimitResult]:
        """Count in this process only."""
        counts = self._count_locally(windows, times)
        return [window.result(count) for window, count in zip(windows, counts, strict=True)]

    def warn(self, error: hiredis.HiredisError) -> None:
        """Log that Valkey could not count: it is out of memory, still loading, or a read-only replica."""
        _log.warning("Valkey failed, rate limits are counted in this process: %s", type(error).__name__)

    async def _count_in_valkey(self, windows: Sequence[RateLimitWindow], times: int) -> Sequence[WindowCount] | None:
        if self.valkey is None:
            return None
        now_ms = str(self.clock_ms()) if self.clock_ms else ""
        sizes = [size for window in windows for size in (window.limit.count, window.limit.window_s * 1000)]
        keys = [window.key for window in windows]
        try:
            reply = await self.valkey.run_script(count_script(), keys, [now_ms, *sizes, times])
        except ValkeyUnavailableError:
            return None
        except hiredis.HiredisError as error:
            self.warn(error)
            return None
        # The script returns a list of three integers for each window.
        return cast(Sequence[WindowCount], reply)

    def _count_locally(self, windows: Sequence[RateLimitWindow], times: int) -> list[WindowCount]:
        now_ms = self.clock_ms() if self.clock_ms else time.monotonic_ns() // 1_000_000
        slots_by_window = [self._current_slots(window, now_ms) for window in windows]
        is_full = any(
            sum(slots.values()) >= window.limit.count for slots, window in zip(slots_by_window, windows, strict=True)
        )
        counts = []
        for slots, window in zip(slots_by_window, windows, strict=True):
            length_ms = window.limit.window_s * 1000
            used = sum(slots.values())
            had_room = int(used < window.limit.count)
            if not is_full:
                slot_ms = 1 if window.limit.count <= SLOTS else ceil(length_ms / SLOTS)
                slot_end = ceil((now_ms + 1) / slot_ms) * slot_ms - 1
                slots[slot_end] = slots.get(slot_end, 0) + times
                used += times
            counts.append((had_room, used, min(slots) + length_ms - now_ms if slots else 0))
        return counts

    def _current_slots(self, window: RateLimitWindow, now_ms: int) -> dict[int, int]:
        stored = self._local_windows.pop(window.key, {})
        length_ms = window.limit.window_s * 1000
        slots = {slot_end: count for slot_end, count in stored.items() if slot_end + length_ms > now_ms}
        if len(self._local_windows) >= _MAX_LOCAL_WINDOWS:
            del self._local_windows[next(iter(self._local_windows))]
        self._local_windows[window.key] = slots
        return slots


@cache
def count_script() -> Script:
    """Return the script that counts in Valkey."""
    return Script.from_text(files("monynha.infra.valkey").joinpath("rate_limiter.lua").read_text("utf-8"))
