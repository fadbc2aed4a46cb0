"""Pools of pipelined connections: every query gets its own result or error, whatever happens to the others."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from monynha.core.errors import UnavailableError
from monynha.infra.embedded import ServerUrls
from monynha.infra.postgres.pipeline import connection
from monynha.infra.postgres.pipeline.pool import PipelinePool
from monynha.infra.postgres.roles import APP_ROLE
from monynha.infra.postgres.stream_version import StreamVersion
from tests.conditions import TIMEOUT_S

pytestmark = pytest.mark.anyio

SLEEP = "select 'woke' from pg_sleep($1::float8)"
ECHO = "select $1::text"
STREAM_ID = UUID(int=7)


async def first_text(pool: PipelinePool, statement: str, *binds: object) -> str | None:
    """Return the first column of the first row as text."""
    row = (await pool.execute(statement, binds)).row
    return row[0].decode() if row and row[0] is not None else None


async def test_each_query_gets_its_own_result(pool: PipelinePool) -> None:
    rng = random.Random(11)
    texts = ["é" * rng.choice((0, 1, 100, 70_000)) + str(number) for number in range(300)]
    statements = [ECHO, "select $1::text || ''", "select upper($1::text)"]
    chosen = [rng.choice(statements) for _ in texts]

    results = await asyncio.gather(
        *(first_text(pool, statement, text) for statement, text in zip(chosen, texts, strict=True))
    )

    expected = [text.upper() if "upper" in statement else text for statement, text in zip(chosen, texts, strict=True)]
    assert results == expected


async def test_query_that_fails_fails_alone(pool: PipelinePool) -> None:
    divide = "select 1 / $1::int"

    results = await asyncio.gather(
        *(first_text(pool, divide, number % 3) for number in range(30)), return_exceptions=True
    )

    types = [type(result) for result in results]
    assert types == [asyncpg.DivisionByZeroError, str, str] * 10


async def test_invalid_statement_fails_for_all_its_callers_and_for_no_other(
    pool: PipelinePool,
) -> None:
    queries = [
        first_text(pool, "select nothing_there"),
        first_text(pool, ECHO, "x"),
        first_text(pool, "select nothing_there"),
    ]

    results = await asyncio.gather(*queries, return_exceptions=True)

    assert isinstance(results[0], asyncpg.UndefinedColumnError)
    assert results[1] == "x"
    assert isinstance(results[2], asyncpg.UndefinedColumnError)


async def test_cancelled_queries_leave_the_results_of_others_alone(pool: PipelinePool) -> None:
    for attempt in range(20):
        tasks = [asyncio.create_task(first_text(pool, ECHO, str(number))) for number in range(40)]
        await asyncio.sleep(0 if attempt % 2 else 0.001)
        for task in tasks[::3]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [str(number) for number in range(40) if number % 3] == [
            result for number, result in enumerate(results) if number % 3
        ]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("text", "a'\\\"\n\u202e🙂", "a'\\\"\n\u202e🙂"),
        ("text", None, None),
        ("json", b'{"a": [1, "\\u00e9"]}', '{"a": [1, "\\u00e9"]}'),
        ("bytea", b"\x00\xff'\\", "\\x00ff275c"),
        ("int", -5, "-5"),
        ("float8", 1e300, "1e+300"),
        ("bool", True, "true"),
        ("date", date(826, 1, 31), "0826-01-31"),
        ("timestamptz", datetime(2026, 1, 31, 9, 0, 0, 1, UTC), "2026-01-31 09:00:00.000001+00"),
        ("text[]", ["a", 'q"\\,{}', "", "null", None], '{a,"q\\"\\\\,{}","","null",NULL}'),
        ("text[]", [], "{}"),
        ("bigint[]", [1, -2], "{1,-2}"),
    ],
)
async def test_value_of_every_type_arrives_unchanged(
    pool: PipelinePool, kind: str, value: object, expected: str | None
) -> None:
    assert await first_text(pool, f"select ($1::{kind})::text", value) == expected


async def test_uuid_can_be_bound_as_uuid_or_text(pool: PipelinePool) -> None:
    id = uuid4()

    assert str(id) == await first_text(pool, "select $1::uuid", id)
    assert str(id) == await first_text(pool, "select $1::uuid", str(id))
    assert await first_text(pool, "select $1::uuid[]", [id]) == f"{{{id}}}"


@pytest.mark.parametrize("value", ["\ud800", "a\x00b", object()])
async def test_value_that_cannot_be_encoded_does_not_affect_other_queries(pool: PipelinePool, value: Any) -> None:
    bad, good = await asyncio.gather(first_text(pool, ECHO, value), first_text(pool, ECHO, "x"), return_exceptions=True)

    assert isinstance(bad, Exception)
    assert good == "x"


async def test_lost_connection_rejects_its_queries_and_is_replaced(
    pool: PipelinePool, running_servers: ServerUrls
) -> None:
    pid = await first_text(pool, "select pg_backend_pid()")
    queries = [asyncio.create_task(first_text(pool, SLEEP, 5))]
    queries += [asyncio.create_task(first_text(pool, ECHO, "x")) for _ in range(5)]
    await asyncio.sleep(0.1)

    other = await asyncpg.connect(running_servers.database_url)
    await other.fetchval("select pg_terminate_backend($1)", int(pid or 0))
    await other.close()

    results = await asyncio.gather(*queries, return_exceptions=True)
    assert isinstance(results[0], asyncpg.AdminShutdownError)
    assert [type(result) for result in results[1:]] == [UnavailableError] * 5
    assert await first_text(pool, ECHO, "y") == "y"


async def test_query_survives_a_migration_of_its_table(pool: PipelinePool, running_servers: ServerUrls) -> None:
    owner = await asyncpg.connect(running_servers.database_url)
    await owner.execute("set role monynha_owner")
    await owner.execute("create table public.altered as select 1::int as value")
    await owner.execute("grant select on public.altered to monynha_app")
    try:
        assert await first_text(pool, "select * from public.altered") == "1"
        await owner.execute("alter table public.altered alter value type text using 'changed'")
        assert await first_text(pool, "select * from public.altered") == "changed"
    finally:
        await owner.execute("drop table public.altered")
        await owner.close()


async def test_more_statements_than_a_connection_keeps_prepared_all_succeed(pool: PipelinePool) -> None:
    for _ in range(2):
        results = await asyncio.gather(*(first_text(pool, f"select {number}") for number in range(450)))
        assert results == [str(number) for number in range(450)]

    prepared_count = await first_text(pool, "select count(*) from pg_prepared_statements")
    assert 150 < int(prepared_count or 0) <= 200


async def test_queued_query_is_rejected_after_the_timeout(running_servers: ServerUrls) -> None:
    pool = PipelinePool(running_servers.database_url, APP_ROLE, size=1, max_in_flight=1)
    try:
        slow = asyncio.create_task(first_text(pool, SLEEP, 60))
        await asyncio.sleep(0.2)
        waiting = asyncio.create_task(first_text(pool, ECHO, "x"))

        async with asyncio.timeout(30):
            with pytest.raises(UnavailableError):
                await waiting
        assert not slow.done()
    finally:
        pool.close()
    with pytest.raises(UnavailableError):
        await slow
    with pytest.raises(UnavailableError):
        await first_text(pool, ECHO, "x")


async def test_query_does_not_wait_behind_a_slow_one_in_an_exclusive_pool(running_servers: ServerUrls) -> None:
    pool = PipelinePool(running_servers.database_url, APP_ROLE, size=2, max_in_flight=1)
    try:
        slow = asyncio.create_task(first_text(pool, SLEEP, 3))
        await asyncio.sleep(0.1)
        assert await asyncio.gather(*(first_text(pool, ECHO, "x") for _ in range(20))) == ["x"] * 20
        assert not slow.done()
        assert await slow == "woke"
    finally:
        pool.close()


async def test_blocked_connection_gets_no_further_queries(running_servers: ServerUrls) -> None:
    pool = PipelinePool(running_servers.database_url, APP_ROLE, size=2, max_in_flight=16)
    try:
        slow = asyncio.create_task(first_text(pool, SLEEP, 3))
        await asyncio.sleep(0.2)
        for _ in range(5):
            assert await asyncio.gather(*(first_text(pool, ECHO, "x") for _ in range(10))) == ["x"] * 10
        assert not slow.done()
        await slow
    finally:
        pool.close()


async def test_connection_to_a_silent_server_is_closed(
    running_servers: ServerUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_SILENCE_TIMEOUT_S", 0.3)
    pool = PipelinePool(running_servers.database_url, APP_ROLE, size=1, max_in_flight=16)
    pid = int(await first_text(pool, "select pg_backend_pid()") or 0)
    os.kill(pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            results = await asyncio.gather(*(first_text(pool, ECHO, "x") for _ in range(3)), return_exceptions=True)
        assert [type(result) for result in results] == [UnavailableError] * 3
        assert await first_text(pool, ECHO, "y") == "y"
    finally:
        os.kill(pid, signal.SIGCONT)
        pool.close()


async def test_stream_versions_are_reported_to_the_query_that_wrote_them(
    pool: PipelinePool, running_servers: ServerUrls
) -> None:
    owner = await asyncpg.connect(running_servers.database_url)
    await owner.execute("set role monynha_owner")
    await owner.execute(
        "create function public.report(version int) returns text language plpgsql as $$ begin"
        f" raise notice 'monynha:project {STREAM_ID} %', version; raise notice 'other'; return ''; end $$"
    )
    try:
        report_twice = "select public.report($1::int) || public.report($1::int + 1)"
        results = await asyncio.gather(
            *(pool.execute(report_twice, (version,)) for version in (1, 11, 21)), pool.execute(ECHO, ("d",))
        )
    finally:
        await owner.execute("drop function public.report")
        await owner.close()

    assert [[stream.version for stream in result.stream_versions] for result in results] == [
        [1, 2],
        [11, 12],
        [21, 22],
        [],
    ]
    assert results[0].stream_versions[0] == StreamVersion("project", STREAM_ID, 1)


async def test_missing_server_fails_at_once(tmp_path: Any) -> None:
    pool = PipelinePool(f"postgresql://x@/x?host={tmp_path}", APP_ROLE, size=2, max_in_flight=1)
    async with asyncio.timeout(TIMEOUT_S):
        with pytest.raises(FileNotFoundError):
            await pool.execute(ECHO, ("x",))
    pool.close()
