"""Limit how many messages one socket may send: a token bucket (RFC 2697, single rate)."""

from __future__ import annotations

from collections.abc import Callable


class TokenBucket:
    """Allows `rate_per_s` messages per second on average, and `burst` of them at once."""

    def __init__(self, clock: Callable[[], float], *, rate_per_s: float = 100.0, burst: float = 300.0) -> None:
        self._clock = clock
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._tokens = burst
        self._refilled_at = clock()
        self._has_warned = False

    def try_take(self) -> bool:
        """Take a token for one message; return False if there is none."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._refilled_at) * self._rate_per_s)
        self._refilled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        if self._tokens > self._burst / 2:
            self._has_warned = False
        return True

    def should_warn(self) -> bool:
        """Whether to answer a refused message with an error: once for each flood."""
        has_warned, self._has_warned = self._has_warned, True
        return not has_warned
