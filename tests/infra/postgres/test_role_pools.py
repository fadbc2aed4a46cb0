"""Pools of a role: light queries share connections, and never wait behind slow ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from monynha.core.actor import ANONYMOUS
from monynha.core.errors import UnavailableError
from monynha.infra.embedded import ServerUrls
from monynha.infra.postgres.database import Database
from monynha.infra.postgres.pipeline import connection
from monynha.infra.postgres.pipeline.connection import QueryFuture, QueryResult
from monynha.infra.postgres.role_pools import RolePools
from monynha.infra.postgres.roles import APP_ROLE
from tests.conditions import TIMEOUT_S

pytestmark = pytest.mark.anyio

ECHO = "select $1::text"
SLEEP = "select 'woke' from pg_sleep(2.5)"
LOCK = "select 'locked' from pg_advisory_xact_lock(4713)"
CLAIMS = "coalesce($1::text, $2::uuid::text, $3::uuid::text, '') is not null"


@pytest.fixture
async def pools(running_servers: ServerUrls, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RolePools]:
    """Return pools with a single shared connection, which is open.

    No short query is slow on a busy machine, and no slow one is taken for blocked.
    """
    monkeypatch.setattr(connection, "_SLOW_AFTER_S", 1.25)
    monkeypatch.setattr(connection, "_GIVE_UP_AFTER_S", 60)
    pools = RolePools.create(running_servers.database_url, APP_ROLE, size=1)
    await pools.read(ECHO, ("x",), is_light=True, user_id=None)
    yield pools
    pools.close()


async def light_query_waits_for(pools: RolePools, slow: asyncio.Future[QueryResult]) -> bool:
    """Whether a light query waits for the end of a slow one."""
    await asyncio.sleep(0.05)
    await pools.read(ECHO, ("x",), is_light=True, user_id=None)
    return slow.done()


async def test_slow_statement_gets_an_exclusive_connection_the_next_time(pools: RolePools) -> None:
    for shares_connection in (True, False):
        slow = asyncio.ensure_future(pools.read(SLEEP, (), is_light=True, user_id=None))

        assert await light_query_waits_for(pools, slow) == shares_connection
        await slow


@pytest.mark.parametrize("fails", [True, False])
async def test_slow_statement_is_noted_even_if_it_fails_or_is_cancelled(pools: RolePools, fails: bool) -> None:
    statement = "select 1 / ($1::int * length(sleep::text || 'x')) from pg_sleep(2.5) sleep"
    first = asyncio.ensure_future(pools.read(statement, (0 if fails else 1,), is_light=True, user_id=None))
    await asyncio.sleep(0.05)
    if not fails:
        first.cancel()
    await asyncio.gather(first, pools.read(ECHO, ("x",), is_light=True, user_id=None), return_exceptions=True)

    again = asyncio.ensure_future(pools.read(statement, (1,), is_light=True, user_id=None))

    assert not await light_query_waits_for(pools, again)
    await again


async def test_query_that_is_not_light_does_not_delay_others(running_servers: ServerUrls) -> None:
    database = await Database.open(running_servers.database_url, size=1)
    connection = database.as_actor(ANONYMOUS)
    try:
        slow = asyncio.create_task(connection.fetch_json(f"select 'woke' from pg_sleep(2) where {CLAIMS}", ()))
        await asyncio.sleep(0.1)
        light = await connection.fetch_json(f"select 'x' where {CLAIMS}", (), is_light=True)

        assert (light, slow.done()) == (b"x", False)
        assert await slow == b"woke"
    finally:
        await database.close()


async def test_error_of_a_closed_pool_is_not_its_own_cause(running_servers: ServerUrls) -> None:
    database = await Database.open(running_servers.database_url, size=1)
    await database.close()

    with pytest.raises(UnavailableError) as raised:
        await database.as_actor(ANONYMOUS).require_live_session()

    assert raised.value is not raised.value.__cause__


@pytest.fixture
async def lock_holder(running_servers: ServerUrls) -> AsyncIterator[asyncpg.Connection]:
    """Return a connection that holds the lock."""
    holder = await asyncpg.connect(running_servers.database_url)
    await holder.fetchval("select pg_advisory_lock(4713)")
    yield holder
    await holder.close()


@pytest.fixture
async def impatient_pools(pools: RolePools, monkeypatch: pytest.MonkeyPatch) -> RolePools:
    """Return pools that take a query for blocked soon."""
    monkeypatch.setattr(connection, "_GIVE_UP_AFTER_S", 0.5)
    return pools


async def test_light_queries_overtake_one_that_waits_for_a_lock(
    impatient_pools: RolePools, lock_holder: asyncpg.Connection
) -> None:
    waiting = impatient_pools.read(LOCK, (), is_light=True, user_id=None)
    behind = [impatient_pools.read(ECHO, (str(number),), is_light=True, user_id=None) for number in range(5)]

    async with asyncio.timeout(TIMEOUT_S):
        assert [(await query).value for query in behind] == [b"0", b"1", b"2", b"3", b"4"]
    assert not waiting.done()
    # Known as blocked now, it runs where only its like wait from the beginning.
    again = impatient_pools.read(LOCK, (), is_light=True, user_id=None)
    assert (await impatient_pools.read(ECHO, ("x",), is_light=True, user_id=None)).value == b"x"
    assert not again.done()

    await lock_holder.fetchval("select pg_advisory_unlock(4713)")
    async with asyncio.timeout(TIMEOUT_S):
        assert [(await query).value for query in (waiting, again)] == [b"locked"] * 2


@pytest.mark.parametrize("kind", ["writes", "heavy reads"])
async def test_what_waits_for_a_lock_makes_room_for_others(
    pools: RolePools, lock_holder: asyncpg.Connection, kind: str
) -> None:
    def execute(statement: str, binds: tuple[object, ...] = ()) -> QueryFuture:
        if kind == "writes":
            return pools.writes.execute(statement, binds)
        return pools.read(statement, binds, is_light=False, user_id=None)

    waiting = [execute(f"{LOCK} --{number}") for number in range(6)]

    async with asyncio.timeout(TIMEOUT_S):
        assert (await execute(ECHO, ("x",))).value == b"x"
    assert not any(query.done() for query in waiting)
    await lock_holder.fetchval("select pg_advisory_unlock(4713)")
    async with asyncio.timeout(TIMEOUT_S):
        assert {(await query).value for query in waiting} == {b"locked"}
