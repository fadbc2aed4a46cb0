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

from monynha.core.setting_kinds import Limit
from monynha.infra.valkey.connection import Reply, ValkeyAway
from monynha.infra.valkey.valkey import Script, Valkey

_log = logging.getLogger("monynha.limits")
_REMEMBERED = 10_000
_SLOTS = 64


@dataclass(frozen=True, slots=True)
class Window:
    """What is counted, for whom, and how often it may happen; those with one subject are counted as one."""

    subject: str
    action: str
    limit: Limit

    @property
    def key(self) -> str:
        """The key in Valkey; the braces keep all windows of a subject on one node of a cluster."""
        return f"rate_limit:{{{self.subject}}}:{self.action}"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a window has left: `reset_s` says in how many seconds it has room for one more than now."""

    is_allowed: bool
    window: Window
    remaining: int
    reset_s: int


@dataclass
class Limiter:
    """Counts in Valkey; where that is away, in this process, and never fails."""

    valkey: Valkey | None
    clock_ms: Callable[[], int] | None = None
    _here: dict[str, dict[int, int]] = field(default_factory=dict)

    async def count(self, windows: Sequence[Window], times: int = 1) -> list[Allowance]:
        """Count once, or several times, in all windows, or in none where one is full."""
        if not windows:
            return []
        return [
            _allowance(window, counted)
            for window, counted in zip(windows, await self._counted(windows, times), strict=True)
        ]

    async def _counted(self, windows: Sequence[Window], times: int) -> Reply:
        if self.valkey is not None:
            now = str(self.clock_ms()) if self.clock_ms else ""
            sizes = [size for w in windows for size in (w.limit.count, w.limit.window_s * 1000)]
            try:
                return await self.valkey.run(
                    _script(), [window.key for window in windows], [now, *sizes, times]
                )
            except ValkeyAway:
                pass
            except hiredis.HiredisError as error:
                # Out of memory, still loading, a replica: told in the log, and counted here meanwhile.
                _log.warning("limits are counted in this process: %s", type(error).__name__)
        return self._count_here(windows, times)

    def _count_here(self, windows: Sequence[Window], times: int) -> list[tuple[int, int, int]]:
        now = self.clock_ms() if self.clock_ms else time.monotonic_ns() // 1_000_000
        found = [self._slots(window, now) for window in windows]
        is_full = any(sum(slots.values()) >= w.limit.count for slots, w in zip(found, windows, strict=True))
        answer = []
        for slots, window in zip(found, windows, strict=True):
            length = window.limit.window_s * 1000
            used = sum(slots.values())
            had_room = int(used < window.limit.count)
            if not is_full:
                width = 1 if window.limit.count <= _SLOTS else ceil(length / _SLOTS)
                slot = ceil((now + 1) / width) * width - 1
                slots[slot] = slots.get(slot, 0) + times
                used += times
            answer.append((had_room, used, min(slots) + length - now if slots else 0))
        return answer

    def _slots(self, window: Window, now: int) -> dict[int, int]:
        old = self._here.pop(window.key, {})
        slots = {slot: times for slot, times in old.items() if slot + window.limit.window_s * 1000 > now}
        if len(self._here) >= _REMEMBERED:
            del self._here[next(iter(self._here))]
        self._here[window.key] = slots
        return slots


def _allowance(window: Window, counted: Sequence[int]) -> Allowance:
    had_room, used, reset_ms = (int(each) for each in counted)
    return Allowance(bool(had_room), window, max(0, window.limit.count - used), max(1, ceil(reset_ms / 1000)))


@cache
def _script() -> Script:
    return Script.of(files("monynha.infra.valkey").joinpath("limiter.lua").read_text("utf-8"))
