"""Limit how many sockets one client may have open without authenticating them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

MAX_PER_CLIENT = 100


@dataclass(eq=False, slots=True)
class SocketSlot:
    """The place of one unauthenticated socket in the count of its client."""

    _counts: Counter[str]
    _client: str
    _is_released: bool = False

    def release(self) -> None:
        """Count the socket no more; a second call changes nothing."""
        if self._is_released:
            return
        self._is_released = True
        self._counts[self._client] -= 1
        if not self._counts[self._client]:
            del self._counts[self._client]


class UnauthenticatedSockets:
    """The unauthenticated sockets of this process, counted by client."""

    def __init__(self, max_per_client: int = MAX_PER_CLIENT) -> None:
        self._max_per_client = max_per_client
        self._counts: Counter[str] = Counter()

    def acquire(self, client: str) -> SocketSlot | None:
        """Count one more socket of a client; return None if it has too many."""
        if self._counts[client] >= self._max_per_client:
            return None
        self._counts[client] += 1
        return SocketSlot(self._counts, client)
