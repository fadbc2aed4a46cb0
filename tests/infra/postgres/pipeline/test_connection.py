"""Pipelined connections: every query gets its own result, in whatever pieces the server sends it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from monynha.infra.embedded import ServerUrls
from monynha.infra.postgres.pipeline.connection import PendingQuery, QueryResult
from monynha.infra.postgres.pipeline.pool import PipelinePool
from monynha.infra.postgres.stream_version import StreamVersion
from tests.conditions import TIMEOUT_S
from tests.infra.postgres.pipeline.scripted_server import (
    FATAL,
    NOISE,
    Cut,
    ScriptedServer,
    run_scripted_server,
)

pytestmark = pytest.mark.anyio

ECHO = "select $1::text"
STREAM_ID = UUID(int=7)


@pytest.fixture
def slow_statements() -> list[str]:
    """Return the list of statements that were reported as slow."""
    return []


@pytest.fixture
async def scripted(tmp_path: Path, slow_statements: list[str]) -> AsyncIterator[tuple[ScriptedServer, PipelinePool]]:
    """Return a scripted server and a pool of a single connection to it."""
    async with run_scripted_server(tmp_path) as (server, url):
        pool = PipelinePool(url, "somebody", size=1, max_in_flight=16, on_slow_statement=slow_statements.append)
        await pool.warm_up()
        yield server, pool
        pool.close()


def texts_or_errors(results: list[QueryResult | BaseException]) -> list[object]:
    """Return the first column of each result, or the class of the error."""
    return [
        result.row[0].decode()
        if isinstance(result, QueryResult) and result.row and result.row[0] is not None
        else type(result)
        for result in results
    ]


def split_at(offset: int) -> Cut:
    """Split the data in two at the offset."""
    return lambda data: iter((data[:offset], data[offset:]))


def split_at_every_byte(data: bytes) -> Iterator[bytes]:
    """Split the data at every byte."""
    return (data[index : index + 1] for index in range(len(data)))


def split_at_random(data: bytes) -> Iterator[bytes]:
    """Split the data at random offsets."""
    sizes = random.Random(len(data))
    while data:
        size = sizes.choice((1, 2, 5, 60, 400))
        yield data[:size]
        data = data[size:]


@pytest.mark.parametrize("noise", [b"", *NOISE], ids=["nothing", "setting", "notice", "notification"])
async def test_results_are_assembled_from_any_pieces_and_other_messages_are_ignored(
    scripted: tuple[ScriptedServer, PipelinePool], noise: bytes
) -> None:
    server, pool = scripted
    server.noise = noise
    for number, cut in enumerate((*map(split_at, range(1, 64)), split_at_every_byte, split_at_random)):
        server.cut = cut
        queries = [(f"select $1 as s{number + index % 3}", "é" * index + str(index)) for index in range(9)]

        async with asyncio.timeout(TIMEOUT_S):
            results = await asyncio.gather(*(pool.execute(statement, (text,)) for statement, text in queries))

        assert texts_or_errors(list(results)) == [text for _, text in queries]


async def test_query_behind_a_preparation_is_not_reported_as_slow(
    scripted: tuple[ScriptedServer, PipelinePool], slow_statements: list[str]
) -> None:
    server, pool = scripted
    await pool.execute(ECHO, ("x",))
    server.prepare_delay_s = 0.1

    await asyncio.gather(pool.execute(f"{ECHO} ", ("x",)), pool.execute(ECHO, ("x",)))

    assert slow_statements == []


async def test_fatal_error_goes_to_the_query_that_caused_it(
    scripted: tuple[ScriptedServer, PipelinePool],
) -> None:
    _, pool = scripted
    await asyncio.gather(pool.execute(ECHO, ("x",)), pool.execute(f"{ECHO} ", ("x",)))
    queries = [pool.execute(ECHO, ("a",)), pool.execute(FATAL, ("b",)), pool.execute(ECHO, ("c",))]

    results = texts_or_errors(await asyncio.gather(*queries, return_exceptions=True))

    # Prepared statements are sent before the one that has to be prepared first.
    assert results == ["a", asyncpg.AdminShutdownError, "c"]
    assert texts_or_errors([await pool.execute(ECHO, ("d",))]) == ["d"]


@pytest.mark.parametrize("value", ["no bytes", 5, object(), "\ud800"])
@pytest.mark.parametrize("is_prepared", [True, False])
async def test_value_that_cannot_be_encoded_fails_alone(pool: PipelinePool, value: Any, is_prepared: bool) -> None:
    to_bytes = "select $1::bytea"
    if is_prepared:
        await asyncio.gather(pool.execute(to_bytes, (b"",)), pool.execute(ECHO, ("",)))
    queries = [pool.execute(ECHO, ("a",)), pool.execute(to_bytes, (value,)), pool.execute(ECHO, ("c",))]

    async with asyncio.timeout(TIMEOUT_S):
        results = await asyncio.gather(*queries, return_exceptions=True)
        after = await pool.execute(ECHO, ("d",))

    assert [text for text in texts_or_errors([*results, after]) if isinstance(text, str)] == ["a", "c", "d"]


async def test_statement_that_cannot_be_encoded_fails_alone(pool: PipelinePool) -> None:
    queries = [pool.execute(ECHO, ("a",)), pool.execute("select '\ud800'", ()), pool.execute(ECHO, ("c",))]

    async with asyncio.timeout(TIMEOUT_S):
        results = await asyncio.gather(*queries, return_exceptions=True)

    assert texts_or_errors(results) == ["a", UnicodeEncodeError, "c"]


async def test_statement_outdated_by_a_migration_is_prepared_once_for_all_waiting_queries(
    pool: PipelinePool, running_servers: ServerUrls
) -> None:
    owner = await asyncpg.connect(running_servers.database_url)
    await owner.execute("set role monynha_owner")
    await owner.execute("create table public.outdated as select 1::int as value")
    await owner.execute("grant select on public.outdated to monynha_app")
    statement = "select * from public.outdated"
    try:
        await pool.execute(statement, ())
        await owner.execute("alter table public.outdated alter value type text using 'changed'")
        results = await asyncio.gather(*(pool.execute(statement, ()) for _ in range(10)))
        statement_count = await pool.execute(
            "select count(*) from pg_prepared_statements where statement = $1", (statement,)
        )
    finally:
        await owner.execute("drop table public.outdated")
        await owner.close()

    assert texts_or_errors([*results, statement_count]) == ["changed"] * 10 + ["1"]


async def test_retried_query_does_not_report_the_stream_versions_of_its_first_attempt(
    pool: PipelinePool, running_servers: ServerUrls
) -> None:
    owner = await asyncpg.connect(running_servers.database_url)
    await owner.execute("set role monynha_owner")
    await owner.execute(
        "create function public.report_and_fail() returns text language plpgsql as $$ begin"
        f" raise notice 'monynha:project {STREAM_ID} 3'; raise feature_not_supported; end $$"
    )
    statement = "select public.report_and_fail()"
    try:
        query = PendingQuery(statement, (), asyncio.get_running_loop().create_future())
        pool._connections[0].send((query,))
        with pytest.raises(asyncpg.FeatureNotSupportedError):
            await query.future
    finally:
        await owner.execute("drop function public.report_and_fail")
        await owner.close()

    assert query.stream_versions == (StreamVersion("project", STREAM_ID, 3),)
