"""A memory of bounded size: what is asked again stays, whatever somebody comes up with in between."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class Remembered(Generic[_K, _V]):
    """Keeps up to `most` values; a new one takes the place of what was not asked for the longest."""

    __slots__ = ("_known", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: dict[_K, _V] = {}

    def __len__(self) -> int:
        return len(self._known)

    def get(self, key: _K) -> _V | None:
        """Return what is kept by the key, if anything is."""
        found = self._known.get(key)
        if found is not None and len(self._known) >= self._most:
            # Only a full memory has to know what was asked last: dictionaries keep the order of insertion.
            self._known[key] = self._known.pop(key)
        return found

    def keep(self, key: _K, value: _V) -> _V | None:
        """Keep a value, and return the one that had to go for it."""
        gone = None
        if len(self._known) >= self._most and key not in self._known:
            gone = self._known.pop(next(iter(self._known)))
        self._known[key] = value
        return gone

    def forget(self, key: _K) -> None:
        """Let go what is kept by the key."""
        self._known.pop(key, None)
