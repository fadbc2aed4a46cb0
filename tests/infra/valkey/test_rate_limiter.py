"""Rate limits: the same sliding windows in Valkey and in a process alone."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from monynha.core.settings.setting_types import Limit
from monynha.infra.embedded import ServerUrls
from monynha.infra.valkey import RateLimiter, RateLimitWindow, ValkeyClient
from tests.infra.valkey.conftest import ValkeyServer


class Clock:
    """A clock in milliseconds that a test advances by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture(params=["valkey", "process"])
async def limiter(request: pytest.FixtureRequest, running_servers: ServerUrls) -> AsyncIterator[RateLimiter]:
    """Return a limiter that counts in Valkey, then one that counts in the process."""
    if request.param == "process":
        yield RateLimiter(None, Clock())
        return
    valkey = await ValkeyClient.open(running_servers.redis_url)
    assert valkey.is_connected
    yield RateLimiter(valkey, Clock())
    await valkey.close()


def create_window(count: int = 3, window_s: int = 60, subject: str = "", action: str = "try") -> RateLimitWindow:
    return RateLimitWindow(subject or uuid4().hex, action, Limit(count, window_s))


def advance(limiter: RateLimiter, ms: int) -> None:
    assert isinstance(limiter.clock_ms, Clock)
    limiter.clock_ms.now += ms


async def is_allowed(limiter: RateLimiter, *windows: RateLimitWindow) -> bool:
    return all(result.is_allowed for result in await limiter.count(windows))


async def test_limit_is_enforced(limiter: RateLimiter) -> None:
    window = create_window(3)

    assert [await is_allowed(limiter, window) for _ in range(5)] == [True, True, True, False, False]


async def test_result_states_what_remains_and_when_the_window_has_room(limiter: RateLimiter) -> None:
    window = create_window(2, 60)
    (first,) = await limiter.count([window])
    advance(limiter, 10_000)
    (second,) = await limiter.count([window])
    advance(limiter, 10_000)
    (third,) = await limiter.count([window])

    assert (first.is_allowed, first.remaining, first.reset_s) == (True, 1, 60)
    assert (second.is_allowed, second.remaining, second.reset_s) == (True, 0, 50)
    assert (third.is_allowed, third.remaining, third.reset_s) == (False, 0, 40)


async def test_window_slides(limiter: RateLimiter) -> None:
    window = create_window(2, 60)
    await is_allowed(limiter, window)
    advance(limiter, 40_000)
    await is_allowed(limiter, window)
    advance(limiter, 19_999)
    assert not await is_allowed(limiter, window)

    advance(limiter, 1)
    assert await is_allowed(limiter, window)
    assert not await is_allowed(limiter, window)


async def test_denied_attempt_is_not_counted(limiter: RateLimiter) -> None:
    window = create_window(1, 60)
    await is_allowed(limiter, window)
    for _ in range(10):
        advance(limiter, 5_000)
        assert not await is_allowed(limiter, window)
    advance(limiter, 10_000)

    assert await is_allowed(limiter, window)


async def test_several_windows_count_together_or_not_at_all(limiter: RateLimiter) -> None:
    subject = uuid4().hex
    wide, narrow = create_window(3, subject=subject, action="wide"), create_window(1, subject=subject, action="narrow")
    other = create_window(1, subject=subject, action="other")
    await limiter.count([wide, narrow])
    denied = await limiter.count([wide, narrow])

    assert [result.is_allowed for result in denied] == [True, False]
    assert denied[0].remaining == 2, "a denied attempt uses nothing up"
    assert await is_allowed(limiter, wide, other)
    assert [await is_allowed(limiter, wide) for _ in range(2)] == [True, False]


async def test_subjects_and_actions_are_counted_separately(limiter: RateLimiter) -> None:
    assert await is_allowed(limiter, create_window(1, subject="a" + uuid4().hex))
    same = uuid4().hex
    assert await is_allowed(limiter, create_window(1, subject=same, action="x"))
    assert await is_allowed(limiter, create_window(1, subject=same, action="y"))
    assert not await is_allowed(limiter, create_window(1, subject=same, action="x"))


async def test_no_period_of_the_window_length_exceeds_the_limit(limiter: RateLimiter) -> None:
    """A large limit is counted in slots, and may only be too strict, never too lax."""
    rng = random.Random(7)
    window = create_window(100, 60)
    allowed_at_ms: list[int] = []
    for _ in range(1500):
        advance(limiter, rng.choice([0, 1, 13, 100, 400, 3000]))
        if await is_allowed(limiter, window):
            assert isinstance(limiter.clock_ms, Clock)
            allowed_at_ms.append(limiter.clock_ms.now)

    for index, now_ms in enumerate(allowed_at_ms):
        within = [ms for ms in allowed_at_ms[: index + 1] if ms > now_ms - 60_000]
        assert len(within) <= 100
    # And not much stricter: a slot is a 64th of the window.
    assert len(allowed_at_ms) > 0.9 * 100 * (allowed_at_ms[-1] - allowed_at_ms[0]) / 62_000


async def test_large_window_keeps_few_slots(limiter: RateLimiter) -> None:
    window = create_window(3000, 900)
    for _ in range(3000):
        advance(limiter, 290)
        await is_allowed(limiter, window)

    if limiter.valkey is None:
        assert len(limiter._local_windows[window.key]) <= 66
    else:
        slot_count = await limiter.valkey.execute("HLEN", window.key)
        assert isinstance(slot_count, int)
        assert 0 < slot_count <= 66


async def test_count_expires_with_its_window(running_servers: ServerUrls) -> None:
    valkey = await ValkeyClient.open(running_servers.redis_url)
    window = create_window(3, 60)
    await RateLimiter(valkey).count([window])

    ttl_ms = await valkey.execute("PTTL", window.key)
    assert isinstance(ttl_ms, int)
    assert 59_000 < ttl_ms <= 60_001
    await valkey.close()


async def test_all_processes_share_one_count(running_servers: ServerUrls) -> None:
    valkeys = [await ValkeyClient.open(running_servers.redis_url) for _ in range(4)]
    limiters = [RateLimiter(valkey) for valkey in valkeys]
    window = create_window(10, 60)

    results = await asyncio.gather(*(is_allowed(limiters[number % 4], window) for number in range(60)))

    assert sum(results) == 10
    for valkey in valkeys:
        await valkey.close()


async def test_without_valkey_each_process_counts_on_its_own(
    valkey_server: ValkeyServer,
) -> None:
    valkey = await ValkeyClient.open(valkey_server.url)
    limiter, window = RateLimiter(valkey), create_window(2, 60)
    assert await is_allowed(limiter, window)
    valkey_server.stop()

    assert [await is_allowed(limiter, window) for _ in range(3)] == [True, True, False]
    await valkey.close()


async def test_read_only_valkey_counts_as_unavailable(valkey_server: ValkeyServer) -> None:
    valkey = await ValkeyClient.open(valkey_server.url)
    await valkey.execute("REPLICAOF", "127.0.0.1", "1")
    limiter, window = RateLimiter(valkey), create_window(1, 60)

    assert [await is_allowed(limiter, window) for _ in range(2)] == [True, False]
    await valkey.close()


async def test_windows_of_a_process_are_bounded() -> None:
    limiter = RateLimiter(None)
    for number in range(10_500):
        await limiter.count([create_window(1, subject=str(number))])

    assert len(limiter._local_windows) == 10_000
