"""A cache of bounded size that evicts the least recently used entry."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class LruCache(Generic[_Key, _Value]):
    """Keeps up to `max_size` values."""

    __slots__ = ("_entries", "_max_size")

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._entries: dict[_Key, _Value] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: _Key) -> _Value | None:
        """Return the value of the key, or None."""
        value = self._entries.get(key)
        if value is not None and len(self._entries) >= self._max_size:
            # The order of use matters only once the cache is full; dictionaries keep the order of insertion.
            self._entries[key] = self._entries.pop(key)
        return value

    def put(self, key: _Key, value: _Value) -> _Value | None:
        """Store a value and return the one that was evicted for it, if any."""
        evicted = None
        if len(self._entries) >= self._max_size and key not in self._entries:
            evicted = self._entries.pop(next(iter(self._entries)))
        self._entries[key] = value
        return evicted

    def discard(self, key: _Key) -> None:
        """Remove the key, if it is there."""
        self._entries.pop(key, None)
