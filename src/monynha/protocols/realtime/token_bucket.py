"""How much one socket may say: a bucket that fills steadily (RFC 2697's, of one colour)."""

from __future__ import annotations

from collections.abc import Callable


class TokenBucket:
    """Lets so many messages through a second, and `burst` at once."""

    def __init__(self, clock: Callable[[], float], *, rate_per_s: float = 100.0, burst: float = 300.0) -> None:
        self._clock = clock
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._tokens = burst
        self._refilled_at = clock()
        self._has_warned = False

    def try_take(self) -> bool:
        """Whether one more message may come now."""
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
        """Whether the sender should be told, which is once for each flood."""
        has_warned, self._has_warned = self._has_warned, True
        return not has_warned
