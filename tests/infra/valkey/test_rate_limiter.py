"""Sliding windows: the same rule in Valkey and in a process alone."""

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
    """Milliseconds that a test moves by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture(params=["valkey", "process"])
async def limiter(request: pytest.FixtureRequest, running_servers: ServerUrls) -> AsyncIterator[RateLimiter]:
    """Return both sorts of limiter, one after the other."""
    if request.param == "process":
        yield RateLimiter(None, Clock())
        return
    valkey = await ValkeyClient.open(running_servers.redis_url)
    assert valkey.is_connected
    yield RateLimiter(valkey, Clock())
    await valkey.close()


def window(count: int = 3, window_s: int = 60, subject: str = "", action: str = "try") -> RateLimitWindow:
    return RateLimitWindow(subject or uuid4().hex, action, Limit(count, window_s))


def passed(limiter: RateLimiter, ms: int) -> None:
    assert isinstance(limiter.clock_ms, Clock)
    limiter.clock_ms.now += ms


async def allowed(limiter: RateLimiter, *windows: RateLimitWindow) -> bool:
    return all(each.is_allowed for each in await limiter.count(windows))


async def test_so_many_are_let_through_and_no_more(limiter: RateLimiter) -> None:
    one = window(3)

    assert [await allowed(limiter, one) for _ in range(5)] == [True, True, True, False, False]


async def test_what_is_left_and_when_there_is_room_again_is_told(limiter: RateLimiter) -> None:
    one = window(2, 60)
    (first,) = await limiter.count([one])
    passed(limiter, 10_000)
    (second,) = await limiter.count([one])
    passed(limiter, 10_000)
    (third,) = await limiter.count([one])

    assert (first.is_allowed, first.remaining, first.reset_s) == (True, 1, 60)
    assert (second.is_allowed, second.remaining, second.reset_s) == (True, 0, 50)
    assert (third.is_allowed, third.remaining, third.reset_s) == (False, 0, 40)


async def test_the_window_slides(limiter: RateLimiter) -> None:
    one = window(2, 60)
    await allowed(limiter, one)
    passed(limiter, 40_000)
    await allowed(limiter, one)
    passed(limiter, 19_999)
    assert not await allowed(limiter, one)

    passed(limiter, 1)
    assert await allowed(limiter, one)
    assert not await allowed(limiter, one)


async def test_a_refused_try_is_not_counted(limiter: RateLimiter) -> None:
    one = window(1, 60)
    await allowed(limiter, one)
    for _ in range(10):
        passed(limiter, 5_000)
        assert not await allowed(limiter, one)
    passed(limiter, 10_000)

    assert await allowed(limiter, one)


async def test_two_windows_count_together_or_not_at_all(limiter: RateLimiter) -> None:
    subject = uuid4().hex
    wide, narrow = window(3, subject=subject, action="wide"), window(1, subject=subject, action="narrow")
    other = window(1, subject=subject, action="other")
    await limiter.count([wide, narrow])
    refused = await limiter.count([wide, narrow])

    assert [each.is_allowed for each in refused] == [True, False]
    assert refused[0].remaining == 2, "what was refused used nothing up"
    assert await allowed(limiter, wide, other)
    assert [await allowed(limiter, wide) for _ in range(2)] == [True, False]


async def test_subjects_and_actions_do_not_share(limiter: RateLimiter) -> None:
    assert await allowed(limiter, window(1, subject="a" + uuid4().hex))
    same = uuid4().hex
    assert await allowed(limiter, window(1, subject=same, action="x"))
    assert await allowed(limiter, window(1, subject=same, action="y"))
    assert not await allowed(limiter, window(1, subject=same, action="x"))


async def test_no_window_of_time_ever_holds_more_than_the_limit(limiter: RateLimiter) -> None:
    """A large limit is counted in slots, and must err on the strict side only."""
    chance = random.Random(7)
    one = window(100, 60)
    let_through: list[int] = []
    for _ in range(1500):
        passed(limiter, chance.choice([0, 1, 13, 100, 400, 3000]))
        if await allowed(limiter, one):
            assert isinstance(limiter.clock_ms, Clock)
            let_through.append(limiter.clock_ms.now)

    for index, moment in enumerate(let_through):
        within = [each for each in let_through[: index + 1] if each > moment - 60_000]
        assert len(within) <= 100
    # And not much stricter: a slot is a 64th of the window.
    assert len(let_through) > 0.9 * 100 * (let_through[-1] - let_through[0]) / 62_000


async def test_a_large_window_keeps_few_slots(limiter: RateLimiter) -> None:
    one = window(3000, 900)
    for _ in range(3000):
        passed(limiter, 290)
        await allowed(limiter, one)

    if limiter.valkey is None:
        assert len(limiter._local_windows[one.key]) <= 66
    else:
        assert await limiter.valkey.execute("HLEN", one.key) <= 66


async def test_what_is_counted_is_forgotten_after_its_window(running_servers: ServerUrls) -> None:
    valkey = await ValkeyClient.open(running_servers.redis_url)
    one = window(3, 60)
    await RateLimiter(valkey).count([one])

    assert 59_000 < await valkey.execute("PTTL", one.key) <= 60_001
    await valkey.close()


async def test_all_replicas_share_one_count(running_servers: ServerUrls) -> None:
    valkeys = [await ValkeyClient.open(running_servers.redis_url) for _ in range(4)]
    limiters = [RateLimiter(valkey) for valkey in valkeys]
    one = window(10, 60)

    outcomes = await asyncio.gather(*(allowed(limiters[n % 4], one) for n in range(60)))

    assert sum(outcomes) == 10
    for valkey in valkeys:
        await valkey.close()


async def test_without_valkey_each_process_counts_for_itself_and_nothing_fails(
    own_valkey: ValkeyServer,
) -> None:
    valkey = await ValkeyClient.open(own_valkey.url)
    limiter, one = RateLimiter(valkey), window(2, 60)
    assert await allowed(limiter, one)
    own_valkey.stop()

    assert [await allowed(limiter, one) for _ in range(3)] == [True, True, False]
    await valkey.close()


async def test_a_valkey_that_refuses_to_write_is_as_good_as_none(own_valkey: ValkeyServer) -> None:
    valkey = await ValkeyClient.open(own_valkey.url)
    await valkey.execute("REPLICAOF", "127.0.0.1", "1")
    limiter, one = RateLimiter(valkey), window(1, 60)

    assert [await allowed(limiter, one) for _ in range(2)] == [True, False]
    await valkey.close()


async def test_what_a_process_remembers_is_bounded() -> None:
    limiter = RateLimiter(None)
    for n in range(10_500):
        await limiter.count([window(1, subject=str(n))])

    assert len(limiter._local_windows) == 10_000
