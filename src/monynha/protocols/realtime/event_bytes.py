"""How many bytes one event may make a connection receive, over all that is subscribed to on it."""

from __future__ import annotations

from collections import OrderedDict

_MAX_EVENTS = 64
"""Of how many events the sizes are kept; messages of older ones have long been sent."""


class EventBytes:
    """The bytes that each of the latest events has caused on a connection."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._sent_bytes: OrderedDict[object, int] = OrderedDict()

    def try_count(self, event_key: object, size: int) -> bool:
        """Count a message that an event causes; return False if it is too much, and must not be sent."""
        sent_bytes = self._sent_bytes.get(event_key, 0) + size
        if sent_bytes > self.max_bytes:
            return False
        self._sent_bytes[event_key] = sent_bytes
        if len(self._sent_bytes) > _MAX_EVENTS:
            self._sent_bytes.popitem(last=False)
        return True
