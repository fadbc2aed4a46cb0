"""Transactions that lose a race or wait for a lock are run again."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from monynha.core.actor import ANONYMOUS
from monynha.core.errors import UnavailableError
from monynha.infra.embedded import ServerUrls
from monynha.infra.postgres.database import ActorConnection, Database
from monynha.infra.postgres.errors import RetryTransactionError
from monynha.infra.postgres.retries import with_retries

pytestmark = pytest.mark.anyio

LOCK = "select pg_advisory_xact_lock(4711)"


async def test_transaction_that_loses_a_race_is_run_again(database: Database) -> None:
    errors = [RetryTransactionError(), RetryTransactionError()]

    async def attempt(connection: ActorConnection) -> str:
        if errors:
            raise errors.pop()
        return "done"

    assert await with_retries(database.as_actor(ANONYMOUS), attempt) == "done"


async def test_transaction_that_loses_every_race_is_unavailable(database: Database) -> None:
    attempt_count = 0

    async def attempt(connection: ActorConnection) -> None:
        nonlocal attempt_count
        attempt_count += 1
        raise RetryTransactionError

    with pytest.raises(UnavailableError) as caught:
        await with_retries(database.as_actor(ANONYMOUS), attempt)
    assert attempt_count == 4
    assert ("Retry-After", "1") in caught.value.headers


async def test_transaction_that_waits_for_a_lock_goes_on_waiting_elsewhere(
    database: Database, running_servers: ServerUrls
) -> None:
    attempts: list[ActorConnection] = []
    was_retried = asyncio.Event()

    async def attempt(connection: ActorConnection) -> object:
        attempts.append(connection)
        async with connection.transaction() as transaction:
            if len(attempts) > 1:
                was_retried.set()
            return await transaction.fetch_value("select pg_advisory_xact_lock(4711) is not null")

    holder = await asyncpg.connect(running_servers.database_url)
    try:
        await holder.execute(f"begin; {LOCK}")
        waiting = asyncio.create_task(with_retries(database.as_actor(ANONYMOUS), attempt))
        async with asyncio.timeout(30):
            await was_retried.wait()
        assert not waiting.done()
        await holder.execute("rollback")

        async with asyncio.timeout(30):
            assert await waiting is True
    finally:
        await holder.close()

    assert len(attempts) == 2
