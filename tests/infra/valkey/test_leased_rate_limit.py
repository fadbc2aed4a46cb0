"""Leased rate limits: few commands, never more than the limit and its slack over all processes, nothing forgotten."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from monynha.core.settings.setting_types import Limit
from monynha.infra.embedded import ServerUrls
from monynha.infra.valkey import LeasedRateLimit, RateLimiter, RateLimitWindow, ValkeyClient, leased_rate_limit
from monynha.infra.valkey.leased_rate_limit import batch_size
from tests.infra.valkey.conftest import ValkeyServer
from tests.infra.valkey.test_rate_limiter import Clock

PER_USER = Limit(3000, 900)


@pytest.fixture
async def valkey(running_servers: ServerUrls) -> AsyncIterator[ValkeyClient]:
    """Return a client of the shared server."""
    client = await ValkeyClient.open(running_servers.redis_url)
    yield client
    await client.close()


@pytest.fixture
async def own_valkey(valkey_server: ValkeyServer) -> AsyncIterator[ValkeyClient]:
    """Return a client of a server of this test's own."""
    client = await ValkeyClient.open(valkey_server.url)
    yield client
    await client.close()


async def is_allowed(limit: LeasedRateLimit, subject: str, times: int = 1) -> bool:
    return (await limit.count(subject, times)).is_allowed


async def script_calls(valkey: ValkeyClient) -> int:
    """Return how many scripts the server has run."""
    reply = await valkey.execute("INFO", "commandstats")
    assert isinstance(reply, bytes)
    lines = reply.decode().splitlines()
    stats = [line for line in lines if line.startswith(("cmdstat_eval:", "cmdstat_evalsha:"))]
    return sum(int(line.partition("calls=")[2].partition(",")[0]) for line in stats)


async def stored_count(valkey: ValkeyClient, subject: str) -> int:
    reply = await valkey.execute("HVALS", RateLimitWindow(subject, "api", PER_USER).key)
    assert isinstance(reply, list)
    return sum(int(value) for value in reply if isinstance(value, bytes))


async def wait_for_stored_count(valkey: ValkeyClient, subject: str, count: int) -> None:
    async with asyncio.timeout(10):
        while await stored_count(valkey, subject) != count:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(("count", "size"), [(5, 1), (63, 1), (64, 2), (100, 3), (512, 16), (3000, 16), (10**6, 16)])
def test_a_batch_is_a_small_share_of_the_limit(count: int, size: int) -> None:
    assert batch_size(Limit(count, 900)) == size


async def test_active_user_costs_one_round_trip_per_16_requests(own_valkey: ValkeyClient) -> None:
    limit = LeasedRateLimit(RateLimiter(own_valkey), "api", PER_USER)
    await limit.count("warms the script cache")
    calls_before = await script_calls(own_valkey)

    results = []
    for _ in range(321):
        results.append(await limit.count("user"))
        await asyncio.sleep(0)

    assert [result.remaining for result in results] == list(range(2999, 2678, -1))
    # A slot, a 64th of the window, ends later than now.
    assert all(890 < result.reset_s <= 915 for result in results)
    assert await script_calls(own_valkey) - calls_before <= 1 + 320 / 16


async def test_requests_at_the_same_moment_share_the_first_round_trip(own_valkey: ValkeyClient) -> None:
    limit = LeasedRateLimit(RateLimiter(own_valkey), "api", PER_USER)
    await limit.count("warms the script cache")
    calls_before = await script_calls(own_valkey)

    results = await asyncio.gather(*(limit.count("user") for _ in range(160)))

    assert sorted(result.remaining for result in results) == list(range(2840, 3000))
    assert await script_calls(own_valkey) - calls_before <= 1 + 160 / 16


@pytest.mark.parametrize("count", [10, 64, 1000])
async def test_one_process_never_exceeds_the_limit(valkey: ValkeyClient, count: int) -> None:
    limit, subject = LeasedRateLimit(RateLimiter(valkey), "api", Limit(count, 900)), uuid4().hex

    one_by_one = [await is_allowed(limit, subject) for _ in range(count // 2)]
    together = await asyncio.gather(*(is_allowed(limit, subject) for _ in range(count)))

    assert sum(one_by_one) + sum(together) == count
    assert await stored_count(valkey, subject) == count


async def test_all_processes_exceed_the_limit_by_the_slack_at_most(running_servers: ServerUrls) -> None:
    clients = [await ValkeyClient.open(running_servers.redis_url) for _ in range(4)]
    limits = [LeasedRateLimit(RateLimiter(client), "api", Limit(320, 900)) for client in clients]
    subject = uuid4().hex

    async def request(limit: LeasedRateLimit) -> int:
        allowed = 0
        for _ in range(200):
            allowed += await is_allowed(limit, subject)
            await asyncio.sleep(0)
        return allowed

    allowed = sum(await asyncio.gather(*(request(limit) for limit in limits)))

    assert 320 <= allowed <= 320 + 4 * 2 * 10
    assert [await is_allowed(limit, subject) for limit in limits] == [False] * 4
    for client in clients:
        await client.close()


async def test_refused_user_costs_no_round_trip_until_there_is_room(own_valkey: ValkeyClient) -> None:
    clock = Clock()
    limit = LeasedRateLimit(RateLimiter(own_valkey, clock), "api", Limit(64, 64))
    for _ in range(64):
        assert await is_allowed(limit, "user")
    refused = await limit.count("user")
    calls_before = await script_calls(own_valkey)
    clock.now += 30_000
    refused_later = [await limit.count("user") for _ in range(50)]

    assert (refused.is_allowed, refused.remaining, refused.reset_s) == (False, 0, 64)
    assert {(result.is_allowed, result.reset_s) for result in refused_later} == {(False, 34)}
    assert await script_calls(own_valkey) == calls_before
    clock.now += 34_000
    assert (await limit.count("user")).remaining == 63


async def test_few_requests_are_reported_after_a_while(valkey: ValkeyClient) -> None:
    clock, subject = Clock(), uuid4().hex
    limit = LeasedRateLimit(RateLimiter(valkey, clock), "api", PER_USER)
    for _ in range(5):
        await limit.count(subject)
    assert await stored_count(valkey, subject) == 1

    clock.now += 57_000
    await wait_for_stored_count(valkey, subject, 5)


async def test_after_a_pause_the_count_is_asked_for_again(valkey: ValkeyClient) -> None:
    clock, subject = Clock(), uuid4().hex
    limit = LeasedRateLimit(RateLimiter(valkey, clock), "api", PER_USER)
    for _ in range(5):
        await limit.count(subject)
    clock.now += 57_000
    await wait_for_stored_count(valkey, subject, 5)
    clock.now += 1_000_000

    assert (await limit.count(subject)).remaining == 2999


async def test_close_reports_what_is_pending(valkey: ValkeyClient) -> None:
    limit, subject = LeasedRateLimit(RateLimiter(valkey), "api", PER_USER), uuid4().hex
    for _ in range(9):
        await limit.count(subject)

    await limit.close()

    assert await stored_count(valkey, subject) == 9


async def test_a_forgotten_lease_is_reported(valkey: ValkeyClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leased_rate_limit, "_MAX_LEASES", 2)
    limit, subject = LeasedRateLimit(RateLimiter(valkey), "api", PER_USER), uuid4().hex
    for _ in range(5):
        await limit.count(subject)
    for _ in range(2):
        await limit.count(uuid4().hex)

    await wait_for_stored_count(valkey, subject, 5)
    assert (await limit.count(subject)).remaining == 2994


async def test_request_that_costs_more_than_a_lease_is_counted_at_once(valkey: ValkeyClient) -> None:
    limit, subject = LeasedRateLimit(RateLimiter(valkey), "api", PER_USER), uuid4().hex
    await limit.count(subject)
    await limit.count(subject)

    assert (await limit.count(subject, 100)).remaining == 2898
    assert await stored_count(valkey, subject) == 102


async def test_reports_survive_a_restart_of_valkey(own_valkey: ValkeyClient) -> None:
    clock = Clock()
    limit = LeasedRateLimit(RateLimiter(own_valkey, clock), "api", PER_USER)
    for _ in range(3):
        await limit.count("user")
    await own_valkey.execute("FLUSHALL")
    await own_valkey.execute("SCRIPT", "FLUSH")

    async with asyncio.timeout(10):
        # The first report finds no script, the next one does.
        while await stored_count(own_valkey, "user") != 2:
            clock.now += 57_000
            await asyncio.sleep(0.02)


async def test_without_valkey_the_process_counts(valkey_server: ValkeyServer, own_valkey: ValkeyClient) -> None:
    limit = LeasedRateLimit(RateLimiter(own_valkey), "api", Limit(64, 900))
    await limit.count("user")
    valkey_server.stop()

    allowed = [await is_allowed(limit, "user") for _ in range(100)]
    stranger = [await is_allowed(limit, "stranger") for _ in range(100)]

    assert 64 <= sum(allowed) <= 64 + 4
    assert sum(stranger) == 64


async def test_a_valkey_that_hangs_holds_nobody_up_for_long(
    valkey_server: ValkeyServer, own_valkey: ValkeyClient
) -> None:
    limit = LeasedRateLimit(RateLimiter(own_valkey), "api", Limit(64, 900))
    await limit.count("user")
    valkey_server.signal(signal.SIGSTOP)
    try:
        async with asyncio.timeout(20):
            allowed = await asyncio.gather(*(is_allowed(limit, "user") for _ in range(100)))
    finally:
        valkey_server.signal(signal.SIGCONT)

    assert 64 <= sum(allowed) <= 64 + 4


async def test_a_single_process_without_valkey_is_exact() -> None:
    limit = LeasedRateLimit(RateLimiter(None), "api", Limit(100, 900))

    assert sum([await is_allowed(limit, "user") for _ in range(150)]) == 100


async def test_user_who_stays_active_costs_no_round_trip_when_a_slot_ends(own_valkey: ValkeyClient) -> None:
    clock = Clock()
    limit = LeasedRateLimit(RateLimiter(own_valkey, clock), "api", PER_USER)
    await limit.count("user")
    # The first slot is about to leave the window when the process is told of it.
    clock.now += 900_000
    await limit.count("user")
    calls_before = await script_calls(own_valkey)
    clock.now += 16_000

    results = [limit.try_count("user") for _ in range(5)]

    assert [result is not None and result[0] for result in results] == [2997, 2996, 2995, 2994, 2993]
    assert await script_calls(own_valkey) == calls_before
