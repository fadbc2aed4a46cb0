"""How much one socket may say: a bucket that fills steadily (RFC 2697's, of one colour)."""

from __future__ import annotations

from collections.abc import Callable


class Pace:
    """Lets so many messages through a second, and `burst` at once."""

    def __init__(self, clock: Callable[[], float], *, a_second: float = 100.0, burst: float = 300.0) -> None:
        self._clock = clock
        self._rate = a_second
        self._burst = burst
        self._left = burst
        self._at = clock()
        self._has_warned = False

    def allows(self) -> bool:
        """Whether one more message may come now."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        if self._left > self._burst / 2:
            self._has_warned = False
        return True

    def should_warn(self) -> bool:
        """Whether the sender should be told, which is once for each flood."""
        warned, self._has_warned = self._has_warned, True
        return not warned
