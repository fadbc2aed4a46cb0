"""What is light shares connections, and nobody waits behind what is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from monynha.core.actor import ANONYMOUS
from monynha.core.errors import UnavailableError
from monynha.infra.embedded import ServerUrls
from monynha.infra.postgres.database import Database
from monynha.infra.postgres.pipeline.connection import QueryResult
from monynha.infra.postgres.role_pools import RolePools
from monynha.infra.postgres.roles import APP_ROLE

pytestmark = pytest.mark.anyio

ECHO = "select $1::text"
NAP = "select 'woke' from pg_sleep(0.4)"
CLAIMS = "coalesce($1::text, $2::uuid::text, $3::uuid::text, '') is not null"


@pytest.fixture
async def access(running_servers: ServerUrls) -> AsyncIterator[RolePools]:
    """Return access by a single shared connection, which is open."""
    made = RolePools.create(running_servers.database_url, APP_ROLE, size=1)
    await made.execute(ECHO, ("x",), is_light=True)
    yield made
    made.close()


async def holds_up(access: RolePools, slow: asyncio.Future[QueryResult]) -> bool:
    """Whether something light waits for the end of something slow."""
    await asyncio.sleep(0.05)
    await access.execute(ECHO, ("x",), is_light=True)
    return slow.done()


async def test_what_proved_to_be_slow_shares_no_connection_for_a_while(access: RolePools) -> None:
    for is_first in (True, False):
        slow = asyncio.ensure_future(access.execute(NAP, (), is_light=True))

        assert is_first == await holds_up(access, slow)
        await slow


@pytest.mark.parametrize("fails", [True, False])
async def test_what_is_slow_is_known_for_it_though_it_fails_or_nobody_waits(access: RolePools, fails: bool) -> None:
    statement = "select 1 / ($1::int * length(nap::text || 'x')) from pg_sleep(0.4) nap"
    first = asyncio.ensure_future(access.execute(statement, (0 if fails else 1,), is_light=True))
    await asyncio.sleep(0.05)
    if not fails:
        first.cancel()
    await asyncio.gather(first, access.execute(ECHO, ("x",), is_light=True), return_exceptions=True)

    again = asyncio.ensure_future(access.execute(statement, (1,), is_light=True))

    assert not await holds_up(access, again)
    await again


async def test_what_is_not_light_holds_up_nobody(running_servers: ServerUrls) -> None:
    database = await Database.open(running_servers.database_url, size=1)
    acting = database.as_actor(ANONYMOUS)
    try:
        slow = asyncio.create_task(acting.fetch_json(f"select 'woke' from pg_sleep(1) where {CLAIMS}", ()))
        await asyncio.sleep(0.1)
        light = await acting.fetch_json(f"select 'x' where {CLAIMS}", (), is_light=True)

        assert (b"x", False) == (light, slow.done())
        assert await slow == b"woke"
    finally:
        await database.close()


async def test_who_is_sent_away_hears_an_error_that_is_not_its_own_cause(running_servers: ServerUrls) -> None:
    database = await Database.open(running_servers.database_url, size=1)
    await database.close()

    with pytest.raises(UnavailableError) as raised:
        await database.as_actor(ANONYMOUS).require_live_session()

    assert raised.value is not raised.value.__cause__
