"""Pools of a role: light queries share connections, and never wait behind slow ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from monynha.core.actor import ANONYMOUS
from monynha.core.errors import UnavailableError
from monynha.infra.embedded import ServerUrls
from monynha.infra.postgres.database import Database
from monynha.infra.postgres.pipeline import connection
from monynha.infra.postgres.pipeline.connection import QueryResult
from monynha.infra.postgres.role_pools import RolePools
from monynha.infra.postgres.roles import APP_ROLE

pytestmark = pytest.mark.anyio

ECHO = "select $1::text"
SLEEP = "select 'woke' from pg_sleep(1.5)"
CLAIMS = "coalesce($1::text, $2::uuid::text, $3::uuid::text, '') is not null"


@pytest.fixture
async def pools(running_servers: ServerUrls, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RolePools]:
    """Return pools with a single shared connection, which is open.

    No short query is slow on a busy machine, and no slow one is taken for blocked.
    """
    monkeypatch.setattr(connection, "_SLOW_AFTER_S", 0.75)
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
    statement = "select 1 / ($1::int * length(sleep::text || 'x')) from pg_sleep(1.5) sleep"
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
