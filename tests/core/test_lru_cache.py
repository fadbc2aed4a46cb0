"""The cache evicts what was not used for the longest time, and only when it is full."""

from __future__ import annotations

from monynha.core.lru_cache import LruCache


def test_full_cache_evicts_the_least_recently_used_entry() -> None:
    cache: LruCache[str, int] = LruCache(2)
    assert cache.put("a", 1) is None
    assert cache.put("b", 2) is None
    assert cache.get("a") == 1

    assert cache.put("c", 3) == 2

    assert [cache.get(key) for key in "abc"] == [1, None, 3]
    assert len(cache) == 2


def test_replacing_a_value_evicts_nothing() -> None:
    cache: LruCache[str, int] = LruCache(2)
    cache.put("a", 1)
    cache.put("b", 2)

    assert cache.put("a", 3) is None

    assert [cache.get("a"), cache.get("b")] == [3, 2]


def test_discarded_entry_makes_room() -> None:
    cache: LruCache[str, int] = LruCache(1)
    cache.put("a", 1)
    cache.discard("a")
    cache.discard("missing")

    assert cache.put("b", 2) is None
    assert cache.get("a") is None
