"""The pool for transactions: no connection is shared, lost, or released in a state that others would inherit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from monynha.core.errors import UnavailableError
from monynha.infra.embedded import ServerUrls
from monynha.infra.postgres import pool as pool_module
from monynha.infra.postgres.pool import ConnectionPool
from monynha.infra.postgres.roles import APP_ROLE
from tests.conditions import TIMEOUT_S

pytestmark = pytest.mark.anyio


@pytest.fixture
async def pool(running_servers: ServerUrls) -> AsyncIterator[ConnectionPool]:
    """Return a pool of one connection."""
    pool = ConnectionPool(running_servers.database_url, APP_ROLE, size=1)
    yield pool
    pool.close()


async def process_id(pool: ConnectionPool) -> int:
    async with pool.acquire() as connection:
        return connection.get_server_pid()


async def test_connection_is_reused_by_one_caller_after_another(pool: ConnectionPool) -> None:
    assert len({await process_id(pool) for _ in range(3)}) == 1
    assert len(set(await asyncio.gather(*(process_id(pool) for _ in range(10))))) == 1


async def test_connection_in_a_transaction_is_not_handed_to_the_next_caller(pool: ConnectionPool) -> None:
    async with pool.acquire() as connection:
        first_process = connection.get_server_pid()
        await connection.execute("begin")
        waiting = asyncio.create_task(process_id(pool))
        await asyncio.sleep(0)

    assert await waiting != first_process


@pytest.mark.parametrize("error", [asyncio.CancelledError(), TimeoutError(), asyncpg.InterfaceError("x")])
async def test_connection_with_a_result_on_its_way_is_replaced(pool: ConnectionPool, error: BaseException) -> None:
    first_process = await process_id(pool)
    with pytest.raises(type(error)):
        async with pool.acquire():
            raise error

    assert await process_id(pool) != first_process


async def test_connection_survives_other_errors(pool: ConnectionPool) -> None:
    first_process = await process_id(pool)
    with pytest.raises(asyncpg.UndefinedTableError):
        async with pool.acquire() as connection:
            await connection.execute("select from nothing")

    assert await process_id(pool) == first_process


async def test_waiter_that_is_cancelled_with_a_connection_in_hand_passes_it_on(pool: ConnectionPool) -> None:
    connection = await pool.checkout()
    cancelled, waiting = asyncio.create_task(pool.checkout()), asyncio.create_task(process_id(pool))
    await asyncio.sleep(0)
    pool.release(connection)
    cancelled.cancel()

    async with asyncio.timeout(TIMEOUT_S):
        assert await waiting == connection.get_server_pid()


async def test_caller_waits_for_a_limited_time(pool: ConnectionPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "ACQUIRE_TIMEOUT_S", 0.1)
    async with pool.acquire():
        with pytest.raises(UnavailableError):
            await pool.checkout()

    assert await process_id(pool)


async def test_closed_pool_rejects_waiting_and_new_callers(pool: ConnectionPool) -> None:
    connection = await pool.checkout()
    waiting = asyncio.create_task(pool.checkout())
    await asyncio.sleep(0)
    pool.close()

    with pytest.raises(UnavailableError):
        await waiting
    with pytest.raises(UnavailableError):
        await pool.checkout()
    pool.release(connection)
    assert connection.is_closed()


async def test_failed_connection_attempt_leaves_room_for_the_next(tmp_path: Path) -> None:
    pool = ConnectionPool(f"postgresql://x@/x?host={tmp_path}", APP_ROLE, size=1)
    for _ in range(3):
        with pytest.raises(OSError):  # noqa: PT011  # any failure of the socket
            await pool.checkout()
