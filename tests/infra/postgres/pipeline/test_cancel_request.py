"""CancelRequest: the server ends what a connection runs, and the connection goes on."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from monynha.infra.embedded import ServerUrls
from monynha.infra.postgres.connect import connect
from monynha.infra.postgres.pipeline.cancel_request import cancel_running_statement
from monynha.infra.postgres.pipeline.pool import PipelinePool
from monynha.infra.postgres.roles import APP_ROLE

pytestmark = pytest.mark.anyio

SLEEP = "select 'woke' from pg_sleep(20)"


async def test_running_statement_is_cancelled_and_the_connection_stays(running_servers: ServerUrls) -> None:
    connection = await connect(running_servers.database_url, APP_ROLE)
    try:
        sleeping = asyncio.create_task(connection.fetchval(SLEEP))
        await asyncio.sleep(0.2)

        assert await cancel_running_statement(connection)

        with pytest.raises(asyncpg.QueryCanceledError):
            async with asyncio.timeout(10):
                await sleeping
        assert await connection.fetchval("select 1") == 1
    finally:
        await connection.close()


async def test_closed_connection_has_nothing_to_cancel(running_servers: ServerUrls) -> None:
    connection = await connect(running_servers.database_url, APP_ROLE)
    connection.terminate()

    assert not await cancel_running_statement(connection)


async def test_abandoned_query_frees_its_exclusive_connection(running_servers: ServerUrls) -> None:
    pool = PipelinePool(running_servers.database_url, APP_ROLE, size=1, max_in_flight=1)
    try:
        pid = (await pool.execute("select pg_backend_pid()::text", ())).value
        for _ in range(5):
            sleeping = pool.execute(SLEEP, ())
            await asyncio.sleep(0.05)
            sleeping.cancel()
            async with asyncio.timeout(10):
                results = await asyncio.gather(*(pool.execute("select 'x'", ()) for _ in range(3)))
            assert [result.value for result in results] == [b"x"] * 3
        assert (await pool.execute("select pg_backend_pid()::text", ())).value == pid
    finally:
        pool.close()
