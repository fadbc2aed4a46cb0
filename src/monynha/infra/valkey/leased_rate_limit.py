"""Leased rate limits: a process admits some requests of a window itself, and tells Valkey of them later.

A round trip for each request would cost more than most requests do. So a process leases a share of the window: it
knows the count of Valkey's last reply, admits up to two batches beyond it, and reports each batch (or what there is
of it, after a sixteenth of the window) in the background. It asks before it admits where it knows no count, where the
lease is used up, and where the limit would be reached.

The slack: while several processes serve one subject, together they may exceed the limit by two batches each, which
are at most 32 requests and at most a sixteenth of the limit. One process alone never exceeds it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from functools import partial
from math import ceil
from typing import cast
from uuid import UUID

import hiredis

from monynha.core.lru_cache import LruCache
from monynha.core.settings.setting_types import Limit
from monynha.infra.valkey.client import Reply, ValkeyClient, ValkeyUnavailableError
from monynha.infra.valkey.rate_limiter import (
    RateLimiter,
    RateLimitResult,
    RateLimitWindow,
    WindowCount,
    count_script,
)

MAX_BATCH_SIZE = 16
_BATCHES_PER_LIMIT = 32
_REPORTS_PER_WINDOW = 16
"""How often an incomplete batch is reported: the slack is bounded by requests, so this may be seldom."""
_MAX_LEASES = 20_000
_REPORT_INTERVAL_S = 0.05
_MAX_REPORTS_PER_INTERVAL = 500
_REPLY_TIMEOUT_S = 1.0


Subject = str | UUID
"""Who is counted. The text of a UUID, which takes longer to make than to count, is only made for Valkey."""


def batch_size(limit: Limit) -> int:
    """Return how many requests are reported at once; 1 means that each is counted in Valkey before it is admitted."""
    return max(1, min(MAX_BATCH_SIZE, limit.count // _BATCHES_PER_LIMIT))


class _Lease:
    """What this process knows of the window of a subject, and what it has admitted since."""

    __slots__ = ("ask_at_ms", "is_full", "is_queued", "key", "pending", "reply", "report_at_ms", "reset_at_ms", "used")

    def __init__(self, key: str) -> None:
        self.key = key
        """The key of the window in Valkey."""
        self.used = 0
        """The count of Valkey's last reply."""
        self.pending = 0
        """How many requests were admitted here that `used` does not contain."""
        self.is_full = False
        self.reset_at_ms = -1
        """When the window has room for one more than `used`; negative before the first reply."""
        self.ask_at_ms = -1
        """When `used` is too old to go on with, if some of it is no longer in the window."""
        self.reply: asyncio.Future[Reply] | asyncio.Future[None] | None = None
        """The reply that is awaited; there is at most one for each lease."""
        self.is_queued = False
        self.report_at_ms = 0


class LeasedRateLimit:
    """One limit, counted for many subjects; without Valkey the limiter counts in this process."""

    def __init__(self, limiter: RateLimiter, action: str, limit: Limit) -> None:
        self.limit = limit
        self._limiter = limiter
        self._action = action
        self._max_count = limit.count
        self._batch_size = batch_size(limit)
        self._max_pending = 2 * self._batch_size
        self._report_after_ms = limit.window_s * 1000 // _REPORTS_PER_WINDOW
        self._leases: LruCache[Subject, _Lease] = LruCache(_MAX_LEASES)
        self._unreported: deque[_Lease] = deque()
        """The leases with pending requests, in the order in which they are due."""
        self._timer: asyncio.TimerHandle | None = None

    def try_count(self, subject: Subject, times: int = 1) -> tuple[int, int] | None:
        """Count an allowed request without waiting.

        Return what remains and in how many seconds there is room for one more, or None where `count` has to decide.
        """
        lease = self._leases.get(subject)
        if lease is None or lease.is_full:
            return None
        now_ms, pending = self._now_ms(), lease.pending
        used = lease.used + pending
        if used >= self._max_count or pending + times > self._max_pending:
            return None
        reset_ms = lease.reset_at_ms - now_ms
        if reset_ms <= 0 and now_ms >= lease.ask_at_ms and not pending:
            return None
        lease.pending = pending + times
        if lease.pending >= self._batch_size and lease.reply is None:
            self._report(lease)
        elif not lease.is_queued:
            self._enqueue(lease, now_ms)
        return max(0, self._max_count - used - times), max(1, -(-reset_ms // 1000))

    async def count(self, subject: Subject, times: int = 1) -> RateLimitResult:
        """Count a request, or refuse it; ask Valkey where the lease does not decide."""
        window = self._window(subject)
        valkey = self._limiter.valkey
        if valkey is None or self._batch_size == 1:
            return (await self._limiter.count([window], times))[0]
        while True:
            allowed = self.try_count(subject, times)
            if allowed is not None:
                return RateLimitResult(True, window, *allowed)
            lease = self._lease_of(subject)
            reset_ms = lease.reset_at_ms - self._now_ms()
            if lease.is_full and reset_ms > 0:
                return RateLimitResult(False, window, 0, ceil(reset_ms / 1000))
            if lease.reply is None:
                count = await self._ask(valkey, lease, window, times)
                break
            if not await _is_replied(valkey, lease.reply):
                count = None
                break
        return window.result(count) if count else self._limiter.count_locally([window], times)[0]

    async def close(self) -> None:
        """Report what is pending, so that it counts in other processes and after a restart."""
        if self._timer is not None:
            self._timer.cancel()
        for lease in self._unreported:
            if lease.pending and lease.reply is None:
                self._report(lease)
        if self._limiter.valkey is not None and self._leases:
            # Replies arrive in the order of the commands.
            await self._limiter.valkey.is_reachable()

    def _window(self, subject: Subject) -> RateLimitWindow:
        return RateLimitWindow(str(subject), self._action, self.limit)

    def _lease_of(self, subject: Subject) -> _Lease:
        lease = self._leases.get(subject)
        if lease is None:
            lease = _Lease(self._window(subject).key)
            evicted = self._leases.put(subject, lease)
            if evicted is not None and evicted.pending and evicted.reply is None:
                self._report(evicted)
        return lease

    async def _ask(
        self, valkey: ValkeyClient, lease: _Lease, window: RateLimitWindow, times: int
    ) -> WindowCount | None:
        """Report what is pending and count in Valkey; others of the same subject wait for this reply."""
        reported = lease.pending
        answered = asyncio.get_running_loop().create_future()
        lease.reply = answered
        try:
            reply = await valkey.run_script(count_script(), [window.key], self._binds(times, reported))
        except ValkeyUnavailableError:
            return None
        except hiredis.HiredisError as error:
            self._limiter.warn(error)
            return None
        finally:
            lease.reply = None
            answered.set_result(None)
        return self._apply(lease, reply, reported)

    def _report(self, lease: _Lease) -> None:
        """Tell Valkey what is pending, without waiting for the reply."""
        valkey, reported = self._limiter.valkey, lease.pending
        if valkey is None:
            return
        try:
            reply = valkey.start_script(count_script(), [lease.key], self._binds(0, reported))
        except ValkeyUnavailableError:
            # The lease is used up soon, and then requests are counted in this process.
            self._enqueue(lease, self._now_ms())
            return
        lease.reply = reply
        reply.add_done_callback(partial(self._on_reply, lease, reported))

    def _on_reply(self, lease: _Lease, reported: int, reply: asyncio.Future[Reply]) -> None:
        lease.reply = None
        error = None if reply.cancelled() else reply.exception()
        if error is None and not reply.cancelled():
            self._apply(lease, reply.result(), reported)
        elif self._limiter.valkey is not None and str(error).startswith("NOSCRIPT"):
            self._limiter.valkey.send("SCRIPT", "LOAD", count_script().text)
        if lease.pending >= self._batch_size and error is None:
            self._report(lease)
        elif lease.pending:
            self._enqueue(lease, self._now_ms())

    def _apply(self, lease: _Lease, reply: Reply, reported: int) -> WindowCount:
        # The script returns a list of three integers for each window.
        count = cast(list[WindowCount], reply)[0]
        had_room, used, reset_ms = count
        lease.pending -= reported
        lease.used, lease.is_full = used, not had_room
        now_ms = self._now_ms()
        lease.reset_at_ms, lease.ask_at_ms = now_ms + reset_ms, now_ms + self._report_after_ms
        return count

    def _binds(self, times: int, admitted: int) -> list[str | int | float]:
        clock_ms = self._limiter.clock_ms
        now_ms = str(clock_ms()) if clock_ms else ""
        return [now_ms, self._max_count, self.limit.window_s * 1000, times, admitted]

    def _enqueue(self, lease: _Lease, now_ms: int) -> None:
        if lease.is_queued:
            return
        lease.is_queued, lease.report_at_ms = True, now_ms + self._report_after_ms
        self._unreported.append(lease)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_REPORT_INTERVAL_S, self._report_due)

    def _report_due(self) -> None:
        now_ms, queue = self._now_ms(), self._unreported
        for _ in range(_MAX_REPORTS_PER_INTERVAL):
            if not queue or queue[0].report_at_ms > now_ms:
                break
            lease = queue.popleft()
            lease.is_queued = False
            if lease.pending and lease.reply is None:
                self._report(lease)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_REPORT_INTERVAL_S, self._report_due) if queue else None

    def _now_ms(self) -> int:
        clock_ms = self._limiter.clock_ms
        return clock_ms() if clock_ms else int(time.monotonic() * 1000)


async def _is_replied(valkey: ValkeyClient, reply: asyncio.Future[Reply] | asyncio.Future[None]) -> bool:
    """Wait for the reply to another request of the same subject; False if Valkey does not respond."""
    await asyncio.wait((reply,), timeout=_REPLY_TIMEOUT_S)
    if not reply.done():
        # Closes a connection that is stuck.
        await valkey.is_reachable()
        return False
    return not reply.cancelled() and reply.exception() is None
