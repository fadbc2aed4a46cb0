"""How often something may happen: sliding windows that all replicas share, or this process alone."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from math import ceil

import hiredis

from monynha.core.settings.setting_types import Limit
from monynha.infra.valkey.client import Script, ValkeyClient
from monynha.infra.valkey.connection import Reply, ValkeyUnavailableError

_log = logging.getLogger("monynha.limits")
_MAX_LOCAL_WINDOWS = 10_000
_SLOTS = 64


@dataclass(frozen=True, slots=True)
class RateLimitWindow:
    """What is counted, for whom, and how often it may happen; those with one subject are counted as one."""

    subject: str
    action: str
    limit: Limit

    @property
    def key(self) -> str:
        """The key in Valkey; the braces keep all windows of a subject on one node of a cluster."""
        return f"rate_limit:{{{self.subject}}}:{self.action}"


@dataclass(frozen=True, slots=True)
class RateLimitResult:
    """What a window has left: `reset_s` says in how many seconds it has room for one more than now."""

    is_allowed: bool
    window: RateLimitWindow
    remaining: int
    reset_s: int


@dataclass
class RateLimiter:
    """Counts in Valkey; where that is away, in this process, and never fails."""

    valkey: ValkeyClient | None
    clock_ms: Callable[[], int] | None = None
    _local_windows: dict[str, dict[int, int]] = field(default_factory=dict)

    async def count(self, windows: Sequence[RateLimitWindow], times: int = 1) -> list[RateLimitResult]:
        """Count once, or several times, in all windows, or in none where one is full."""
        if not windows:
            return []
        return [
            _to_result(window, counted)
            for window, counted in zip(windows, await self._count_in_valkey(windows, times), strict=True)
        ]

    async def _count_in_valkey(self, windows: Sequence[RateLimitWindow], times: int) -> Reply:
        if self.valkey is not None:
            now = str(self.clock_ms()) if self.clock_ms else ""
            sizes = [size for w in windows for size in (w.limit.count, w.limit.window_s * 1000)]
            try:
                return await self.valkey.run_script(_script(), [window.key for window in windows], [now, *sizes, times])
            except ValkeyUnavailableError:
                pass
            except hiredis.HiredisError as error:
                # Out of memory, still loading, a replica: told in the log, and counted here meanwhile.
                _log.warning("limits are counted in this process: %s", type(error).__name__)
        return self._count_locally(windows, times)

    def _count_locally(self, windows: Sequence[RateLimitWindow], times: int) -> list[tuple[int, int, int]]:
        now = self.clock_ms() if self.clock_ms else time.monotonic_ns() // 1_000_000
        slots_by_window = [self._local_slots(window, now) for window in windows]
        is_full = any(sum(slots.values()) >= w.limit.count for slots, w in zip(slots_by_window, windows, strict=True))
        counts = []
        for slots, window in zip(slots_by_window, windows, strict=True):
            length = window.limit.window_s * 1000
            used = sum(slots.values())
            had_room = int(used < window.limit.count)
            if not is_full:
                width = 1 if window.limit.count <= _SLOTS else ceil(length / _SLOTS)
                slot = ceil((now + 1) / width) * width - 1
                slots[slot] = slots.get(slot, 0) + times
                used += times
            counts.append((had_room, used, min(slots) + length - now if slots else 0))
        return counts

    def _local_slots(self, window: RateLimitWindow, now: int) -> dict[int, int]:
        old = self._local_windows.pop(window.key, {})
        slots = {slot: times for slot, times in old.items() if slot + window.limit.window_s * 1000 > now}
        if len(self._local_windows) >= _MAX_LOCAL_WINDOWS:
            del self._local_windows[next(iter(self._local_windows))]
        self._local_windows[window.key] = slots
        return slots


def _to_result(window: RateLimitWindow, counts: Sequence[int]) -> RateLimitResult:
    had_room, used, reset_ms = (int(each) for each in counts)
    return RateLimitResult(bool(had_room), window, max(0, window.limit.count - used), max(1, ceil(reset_ms / 1000)))


@cache
def _script() -> Script:
    return Script.from_text(files("monynha.infra.valkey").joinpath("rate_limiter.lua").read_text("utf-8"))
