"""A memory of bounded size: what is asked again stays, whatever somebody comes up with in between."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class LruCache(Generic[_Key, _Value]):
    """Keeps up to `most` values; a new one takes the place of what was not asked for the longest."""

    __slots__ = ("_entries", "_max_size")

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._entries: dict[_Key, _Value] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: _Key) -> _Value | None:
        """Return what is kept by the key, if anything is."""
        value = self._entries.get(key)
        if value is not None and len(self._entries) >= self._max_size:
            # Only a full memory has to know what was asked last: dictionaries keep the order of insertion.
            self._entries[key] = self._entries.pop(key)
        return value

    def put(self, key: _Key, value: _Value) -> _Value | None:
        """Keep a value, and return the one that had to go for it."""
        evicted = None
        if len(self._entries) >= self._max_size and key not in self._entries:
            evicted = self._entries.pop(next(iter(self._entries)))
        self._entries[key] = value
        return evicted

    def discard(self, key: _Key) -> None:
        """Let go what is kept by the key."""
        self._entries.pop(key, None)
