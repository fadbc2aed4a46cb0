"""Heavy reads: two of a user at once, users in turn, and a limit to how many wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from monynha.core.errors import RateLimitedError
from monynha.infra.embedded import ServerUrls
from monynha.infra.postgres.heavy_reads import MAX_RUNNING_PER_USER, MAX_WAITING_PER_USER, HeavyReads
from monynha.infra.postgres.pipeline.pool import PipelinePool
from monynha.infra.postgres.roles import APP_ROLE

pytestmark = pytest.mark.anyio

WAIT_FOR_LOCK = "select $1::text from (select pg_advisory_xact_lock_shared(4711)) locked"
RUNNING_SQL = "select count(*)::text from pg_locks where locktype = 'advisory' and objid = 4711 and not granted"


@pytest.fixture
async def pool(running_servers: ServerUrls) -> AsyncIterator[PipelinePool]:
    """Return a pool with a connection for each of four queries."""
    pool = PipelinePool(running_servers.database_url, APP_ROLE, size=4, max_in_flight=1)
    await pool.warm_up()
    yield pool
    pool.close()


@pytest.fixture
async def gate(running_servers: ServerUrls) -> AsyncIterator[PipelinePool]:
    """Return a pool whose connection holds up `WAIT_FOR_LOCK` until it unlocks."""
    gate = PipelinePool(running_servers.database_url, APP_ROLE, size=1, max_in_flight=1)
    await gate.execute("select pg_advisory_lock(4711)::text", ())
    yield gate
    gate.close()


async def wait_until_running(gate: PipelinePool, count: int) -> None:
    """Wait until so many queries wait for the gate."""
    async with asyncio.timeout(10):
        while (await gate.execute(RUNNING_SQL, ())).value != str(count).encode():
            await asyncio.sleep(0.02)


async def test_two_of_a_user_run_and_others_get_the_rest(pool: PipelinePool, gate: PipelinePool) -> None:
    heavy_reads, ada, bob = HeavyReads(pool, max_running=4), uuid4(), uuid4()
    order: list[str] = []

    async def run(name: str, user: object) -> None:
        await heavy_reads.execute(WAIT_FOR_LOCK, (name,), ada if user is ada else bob)
        order.append(name)

    of_ada = [asyncio.create_task(run("ada", ada)) for _ in range(10)]
    await wait_until_running(gate, MAX_RUNNING_PER_USER)
    of_bob = [asyncio.create_task(run("bob", bob)) for _ in range(2)]
    await wait_until_running(gate, 2 * MAX_RUNNING_PER_USER)
    await gate.execute("select pg_advisory_unlock(4711)", ())
    await asyncio.gather(*of_ada, *of_bob)

    assert "bob" in order[:4]
    assert sorted(order) == ["ada"] * 10 + ["bob"] * 2


async def test_too_many_of_a_user_are_refused_with_the_reason(pool: PipelinePool, gate: PipelinePool) -> None:
    heavy_reads, ada = HeavyReads(pool, max_running=4), uuid4()
    accepted = [
        heavy_reads.execute(WAIT_FOR_LOCK, ("x",), ada) for _ in range(MAX_RUNNING_PER_USER + MAX_WAITING_PER_USER)
    ]

    with pytest.raises(RateLimitedError, match=f"{MAX_RUNNING_PER_USER} run and {MAX_WAITING_PER_USER} wait") as error:
        await heavy_reads.execute(WAIT_FOR_LOCK, ("x",), ada)
    accepted[-1].cancel()
    replacement = heavy_reads.execute(WAIT_FOR_LOCK, ("y",), ada)
    of_another = heavy_reads.execute(WAIT_FOR_LOCK, ("z",), uuid4())
    of_nobody = heavy_reads.execute(WAIT_FOR_LOCK, ("n",), None)
    await gate.execute("select pg_advisory_unlock(4711)", ())

    assert ("Retry-After", "1") in error.value.headers
    results = await asyncio.gather(*accepted[:-1], replacement, of_another, of_nobody)
    assert [result.value for result in results[-3:]] == [b"y", b"z", b"n"]


async def test_cancelled_reads_give_up_their_turns(pool: PipelinePool, gate: PipelinePool) -> None:
    heavy_reads, ada = HeavyReads(pool, max_running=2), uuid4()
    abandoned = [heavy_reads.execute(WAIT_FOR_LOCK, ("x",), ada) for _ in range(6)]
    await wait_until_running(gate, 2)
    for future in abandoned:
        future.cancel()

    # The server has cancelled what was running, or this could not run before the gate is open.
    async with asyncio.timeout(10):
        assert (await heavy_reads.execute("select 'free'", (), ada)).value == b"free"
    await wait_until_running(gate, 0)
