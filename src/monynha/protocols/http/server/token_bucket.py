"""Limit what one socket may send: a token bucket (RFC 2697, single rate)."""

from __future__ import annotations

from collections.abc import Callable

_BYTES_PER_TOKEN = 8 * 1024


def message_cost(message: str | bytes) -> float:
    """Return the tokens that a message takes: one, and one more for each 8 KB."""
    return 1.0 + len(message) // _BYTES_PER_TOKEN


class TokenBucket:
    """Allows `rate_per_s` tokens per second on average, and `burst` of them at once."""

    __slots__ = ("_burst", "_clock", "_has_warned", "_rate_per_s", "_refilled_at", "_tokens")

    def __init__(self, clock: Callable[[], float], *, rate_per_s: float = 100.0, burst: float = 300.0) -> None:
        self._clock = clock
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._tokens = burst
        self._refilled_at = clock()
        self._has_warned = False

    @property
    def is_empty(self) -> bool:
        """Whether not even one token is left."""
        self._refill()
        return self._tokens < 1

    def try_take(self, cost: float = 1.0) -> bool:
        """Take the tokens for one message; return False, and take none, if there are too few."""
        self._refill()
        if self._tokens < cost:
            return False
        self._tokens -= cost
        if self._tokens > self._burst / 2:
            self._has_warned = False
        return True

    def should_warn(self) -> bool:
        """Whether to answer a refused message with an error: once for each flood."""
        has_warned, self._has_warned = self._has_warned, True
        return not has_warned

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._refilled_at) * self._rate_per_s)
        self._refilled_at = now
