"""Questions that share a connection: each is answered for itself, whatever becomes of the others."""

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

pytestmark = pytest.mark.anyio

SLEEP = "select 'woke' from pg_sleep($1::float8)"
ECHO = "select $1::text"
STREAM_ID = UUID(int=7)


async def first(lanes: PipelinePool, statement: str, *binds: object) -> str | None:
    """Return the first column of the first row as text."""
    row = (await lanes.execute(statement, binds)).row
    return row[0].decode() if row and row[0] is not None else None


async def test_each_hears_its_own_answer(lanes: PipelinePool) -> None:
    chance = random.Random(11)
    texts = ["é" * chance.choice((0, 1, 100, 70_000)) + str(number) for number in range(300)]
    statements = [ECHO, "select $1::text || ''", "select upper($1::text)"]
    chosen = [chance.choice(statements) for _ in texts]

    answers = await asyncio.gather(*(first(lanes, *one) for one in zip(chosen, texts, strict=True)))

    expected = [text.upper() if "upper" in statement else text for statement, text in zip(chosen, texts, strict=True)]
    assert answers == expected


async def test_one_that_fails_fails_alone(lanes: PipelinePool) -> None:
    divide = "select 1 / $1::int"

    answers = await asyncio.gather(*(first(lanes, divide, number % 3) for number in range(30)), return_exceptions=True)

    kinds = [str if isinstance(one, str) else type(one) for one in answers]
    assert kinds == [asyncpg.DivisionByZeroError, str, str] * 10


async def test_a_statement_that_is_none_fails_for_all_who_ask_it_and_for_nobody_else(
    lanes: PipelinePool,
) -> None:
    asked = [
        first(lanes, "select nothing_there"),
        first(lanes, ECHO, "x"),
        first(lanes, "select nothing_there"),
    ]

    answers = await asyncio.gather(*asked, return_exceptions=True)

    assert isinstance(answers[0], asyncpg.UndefinedColumnError)
    assert answers[1] == "x"
    assert isinstance(answers[2], asyncpg.UndefinedColumnError)


async def test_who_stopped_waiting_leaves_the_others_theirs(lanes: PipelinePool) -> None:
    for _ in range(20):
        tasks = [asyncio.create_task(first(lanes, ECHO, str(number))) for number in range(40)]
        await asyncio.sleep(0 if _ % 2 else 0.001)
        for task in tasks[::3]:
            task.cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert [str(number) for number in range(40) if number % 3] == [
            one for number, one in enumerate(answers) if number % 3
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
async def test_every_kind_of_value_arrives_as_it_was(
    lanes: PipelinePool, kind: str, value: object, expected: str | None
) -> None:
    assert await first(lanes, f"select ($1::{kind})::text", value) == expected


async def test_ids_go_as_themselves_or_as_text(lanes: PipelinePool) -> None:
    id = uuid4()

    assert str(id) == await first(lanes, "select $1::uuid", id)
    assert str(id) == await first(lanes, "select $1::uuid", str(id))
    assert await first(lanes, "select $1::uuid[]", [id]) == f"{{{id}}}"


@pytest.mark.parametrize("value", ["\ud800", "a\x00b", object()])
async def test_a_value_that_cannot_be_written_harms_nobody_else(lanes: PipelinePool, value: Any) -> None:
    bad, good = await asyncio.gather(first(lanes, ECHO, value), first(lanes, ECHO, "x"), return_exceptions=True)

    assert isinstance(bad, Exception)
    assert good == "x"


async def test_a_lost_connection_is_told_to_all_who_wait_and_replaced(
    lanes: PipelinePool, running_servers: ServerUrls
) -> None:
    pid = await first(lanes, "select pg_backend_pid()")
    asked = [asyncio.create_task(first(lanes, SLEEP, 5))]
    asked += [asyncio.create_task(first(lanes, ECHO, "x")) for _ in range(5)]
    await asyncio.sleep(0.1)

    other = await asyncpg.connect(running_servers.database_url)
    await other.fetchval("select pg_terminate_backend($1)", int(pid or 0))
    await other.close()

    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(answers[0], asyncpg.AdminShutdownError)
    assert [type(one) for one in answers[1:]] == [UnavailableError] * 5
    assert await first(lanes, ECHO, "y") == "y"


async def test_a_question_survives_what_a_migration_changes_below_it(
    lanes: PipelinePool, running_servers: ServerUrls
) -> None:
    owner = await asyncpg.connect(running_servers.database_url)
    await owner.execute("set role monynha_owner")
    await owner.execute("create table public.passing as select 1::int as one")
    await owner.execute("grant select on public.passing to monynha_app")
    try:
        assert await first(lanes, "select * from public.passing") == "1"
        await owner.execute("alter table public.passing alter one type text using 'changed'")
        assert await first(lanes, "select * from public.passing") == "changed"
    finally:
        await owner.execute("drop table public.passing")
        await owner.close()


async def test_more_statements_than_a_connection_keeps_are_all_answered(lanes: PipelinePool) -> None:
    for _ in range(2):
        answers = await asyncio.gather(*(first(lanes, f"select {number}") for number in range(450)))
        assert answers == [str(number) for number in range(450)]

    kept = await first(lanes, "select count(*) from pg_prepared_statements")
    assert 150 < int(kept or 0) <= 200


async def test_who_finds_no_place_waits_and_is_sent_away_in_the_end(running_servers: ServerUrls) -> None:
    single = PipelinePool(running_servers.database_url, APP_ROLE, size=1, max_in_flight=1)
    try:
        slow = asyncio.create_task(first(single, SLEEP, 8))
        await asyncio.sleep(0.2)
        waiting = asyncio.create_task(first(single, ECHO, "x"))

        async with asyncio.timeout(7):
            with pytest.raises(UnavailableError):
                await waiting
        assert not slow.done()
    finally:
        single.close()
    with pytest.raises(UnavailableError):
        await slow
    with pytest.raises(UnavailableError):
        await first(single, ECHO, "x")


async def test_alone_nobody_waits_behind_somebody_slow(running_servers: ServerUrls) -> None:
    single = PipelinePool(running_servers.database_url, APP_ROLE, size=2, max_in_flight=1)
    try:
        slow = asyncio.create_task(first(single, SLEEP, 2))
        await asyncio.sleep(0.1)
        async with asyncio.timeout(1.5):
            assert await asyncio.gather(*(first(single, ECHO, "x") for _ in range(20))) == ["x"] * 20
        assert not slow.done()
        assert await slow == "woke"
    finally:
        single.close()


async def test_others_pass_by_a_lane_that_is_held_up(running_servers: ServerUrls) -> None:
    lanes = PipelinePool(running_servers.database_url, APP_ROLE, size=2, max_in_flight=16)
    try:
        slow = asyncio.create_task(first(lanes, SLEEP, 1))
        await asyncio.sleep(0.2)
        for _ in range(5):
            assert await asyncio.gather(*(first(lanes, ECHO, "x") for _ in range(10))) == ["x"] * 10
        assert not slow.done()
        await slow
    finally:
        lanes.close()


async def test_a_server_that_falls_silent_is_given_up(
    running_servers: ServerUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_SILENCE_TIMEOUT_S", 0.3)
    lanes = PipelinePool(running_servers.database_url, APP_ROLE, size=1, max_in_flight=16)
    pid = int(await first(lanes, "select pg_backend_pid()") or 0)
    os.kill(pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(2):
            answers = await asyncio.gather(*(first(lanes, ECHO, "x") for _ in range(3)), return_exceptions=True)
        assert [type(one) for one in answers] == [UnavailableError] * 3
        assert await first(lanes, ECHO, "y") == "y"
    finally:
        os.kill(pid, signal.SIGCONT)
        lanes.close()


async def test_what_triggers_tell_is_told_to_who_caused_it(lanes: PipelinePool, running_servers: ServerUrls) -> None:
    owner = await asyncpg.connect(running_servers.database_url)
    await owner.execute("set role monynha_owner")
    await owner.execute(
        "create function public.report(version int) returns text language plpgsql as $$ begin"
        f" raise notice 'monynha:project {STREAM_ID} %', version; raise notice 'other'; return ''; end $$"
    )
    try:
        twice = "select public.report($1::int) || public.report($1::int + 1)"
        answers = await asyncio.gather(
            *(lanes.execute(twice, (version,)) for version in (1, 11, 21)), lanes.execute(ECHO, ("d",))
        )
    finally:
        await owner.execute("drop function public.report")
        await owner.close()

    assert [[stream.version for stream in result.stream_versions] for result in answers] == [
        [1, 2],
        [11, 12],
        [21, 22],
        [],
    ]
    assert answers[0].stream_versions[0] == StreamVersion("project", STREAM_ID, 1)


async def test_a_server_that_is_not_there_is_told_at_once(tmp_path: Any) -> None:
    nowhere = PipelinePool(f"postgresql://x@/x?host={tmp_path}", APP_ROLE, size=2, max_in_flight=1)
    async with asyncio.timeout(2):
        with pytest.raises(FileNotFoundError):
            await nowhere.execute(ECHO, ("x",))
    nowhere.close()
