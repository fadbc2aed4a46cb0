"""Questions that share a connection: each is answered for itself, whatever becomes of the others."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from monynha.core.errors import Unavailable
from monynha.infra.embedded import Servers
from monynha.infra.postgres import pipeline
from monynha.infra.postgres.lanes import Lanes
from monynha.infra.postgres.roles import APP_ROLE

pytestmark = pytest.mark.anyio

SLEEP = "select 'woke' from pg_sleep($1::float8)"
ECHO = "select $1::text"


async def first(lanes: Lanes, statement: str, *binds: object) -> str | None:
    """Return the first column of the first row as text."""
    row = (await lanes.ask(statement, binds)).row
    return row[0].decode() if row and row[0] is not None else None


async def test_each_hears_its_own_answer(lanes: Lanes) -> None:
    chance = random.Random(11)
    texts = ["é" * chance.choice((0, 1, 100, 70_000)) + str(number) for number in range(300)]
    statements = [ECHO, "select $1::text || ''", "select upper($1::text)"]
    chosen = [chance.choice(statements) for _ in texts]

    answers = await asyncio.gather(*(first(lanes, *one) for one in zip(chosen, texts, strict=True)))

    expected = [
        text.upper() if "upper" in statement else text for statement, text in zip(chosen, texts, strict=True)
    ]
    assert expected == answers


async def test_one_that_fails_fails_alone(lanes: Lanes) -> None:
    divide = "select 1 / $1::int"

    answers = await asyncio.gather(
        *(first(lanes, divide, number % 3) for number in range(30)), return_exceptions=True
    )

    kinds = [str if isinstance(one, str) else type(one) for one in answers]
    assert [asyncpg.DivisionByZeroError, str, str] * 10 == kinds


async def test_a_statement_that_is_none_fails_for_all_who_ask_it_and_for_nobody_else(lanes: Lanes) -> None:
    asked = [
        first(lanes, "select nothing_there"),
        first(lanes, ECHO, "x"),
        first(lanes, "select nothing_there"),
    ]

    answers = await asyncio.gather(*asked, return_exceptions=True)

    assert isinstance(answers[0], asyncpg.UndefinedColumnError)
    assert "x" == answers[1]
    assert isinstance(answers[2], asyncpg.UndefinedColumnError)


async def test_who_stopped_waiting_leaves_the_others_theirs(lanes: Lanes) -> None:
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
    lanes: Lanes, kind: str, value: object, expected: str | None
) -> None:
    assert expected == await first(lanes, f"select ($1::{kind})::text", value)


async def test_ids_go_as_themselves_or_as_text(lanes: Lanes) -> None:
    id = uuid4()

    assert str(id) == await first(lanes, "select $1::uuid", id)
    assert str(id) == await first(lanes, "select $1::uuid", str(id))
    assert f"{{{id}}}" == await first(lanes, "select $1::uuid[]", [id])


@pytest.mark.parametrize("value", ["\ud800", "a\x00b", object()])
async def test_a_value_that_cannot_be_written_harms_nobody_else(lanes: Lanes, value: Any) -> None:
    bad, good = await asyncio.gather(
        first(lanes, ECHO, value), first(lanes, ECHO, "x"), return_exceptions=True
    )

    assert isinstance(bad, Exception)
    assert "x" == good


async def test_a_lost_connection_is_told_to_all_who_wait_and_replaced(
    lanes: Lanes, running_servers: Servers
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
    assert [Unavailable] * 5 == [type(one) for one in answers[1:]]
    assert "y" == await first(lanes, ECHO, "y")


async def test_a_question_survives_what_a_migration_changes_below_it(
    lanes: Lanes, running_servers: Servers
) -> None:
    owner = await asyncpg.connect(running_servers.database_url)
    await owner.execute("set role monynha_owner")
    await owner.execute("create table public.passing as select 1::int as one")
    await owner.execute("grant select on public.passing to monynha_app")
    try:
        assert "1" == await first(lanes, "select * from public.passing")
        await owner.execute("alter table public.passing alter one type text using 'changed'")
        assert "changed" == await first(lanes, "select * from public.passing")
    finally:
        await owner.execute("drop table public.passing")
        await owner.close()


async def test_more_statements_than_a_connection_keeps_are_all_answered(lanes: Lanes) -> None:
    for _ in range(2):
        answers = await asyncio.gather(*(first(lanes, f"select {number}") for number in range(450)))
        assert [str(number) for number in range(450)] == answers

    kept = await first(lanes, "select count(*) from pg_prepared_statements")
    assert 150 < int(kept or 0) <= 200


async def test_who_finds_no_place_waits_and_is_sent_away_in_the_end(running_servers: Servers) -> None:
    single = Lanes(running_servers.database_url, APP_ROLE, size=1, depth=1)
    try:
        slow = asyncio.create_task(first(single, SLEEP, 8))
        await asyncio.sleep(0.2)
        waiting = asyncio.create_task(first(single, ECHO, "x"))

        async with asyncio.timeout(7):
            with pytest.raises(Unavailable):
                await waiting
        assert not slow.done()
    finally:
        single.close()
    with pytest.raises(Unavailable):
        await slow
    with pytest.raises(Unavailable):
        await first(single, ECHO, "x")


async def test_alone_nobody_waits_behind_somebody_slow(running_servers: Servers) -> None:
    single = Lanes(running_servers.database_url, APP_ROLE, size=2, depth=1)
    try:
        slow = asyncio.create_task(first(single, SLEEP, 2))
        await asyncio.sleep(0.1)
        async with asyncio.timeout(1.5):
            assert ["x"] * 20 == await asyncio.gather(*(first(single, ECHO, "x") for _ in range(20)))
        assert not slow.done()
        assert "woke" == await slow
    finally:
        single.close()


async def test_others_pass_by_a_lane_that_is_held_up(running_servers: Servers) -> None:
    lanes = Lanes(running_servers.database_url, APP_ROLE, size=2, depth=16)
    try:
        slow = asyncio.create_task(first(lanes, SLEEP, 1))
        await asyncio.sleep(0.2)
        for _ in range(5):
            assert ["x"] * 10 == await asyncio.gather(*(first(lanes, ECHO, "x") for _ in range(10)))
        assert not slow.done()
        await slow
    finally:
        lanes.close()


async def test_a_server_that_falls_silent_is_given_up(
    running_servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "_SILENCE_S", 0.3)
    lanes = Lanes(running_servers.database_url, APP_ROLE, size=1, depth=16)
    pid = int(await first(lanes, "select pg_backend_pid()") or 0)
    os.kill(pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(2):
            answers = await asyncio.gather(
                *(first(lanes, ECHO, "x") for _ in range(3)), return_exceptions=True
            )
        assert [Unavailable] * 3 == [type(one) for one in answers]
        assert "y" == await first(lanes, ECHO, "y")
    finally:
        os.kill(pid, signal.SIGCONT)
        lanes.close()


async def test_what_triggers_tell_is_told_to_who_caused_it(lanes: Lanes, running_servers: Servers) -> None:
    owner = await asyncpg.connect(running_servers.database_url)
    await owner.execute("set role monynha_owner")
    await owner.execute(
        "create function public.say(said text) returns text language plpgsql as"
        " $$ begin raise notice 'monynha:%', said; raise notice 'other'; return said; end $$"
    )
    try:
        twice = "select public.say($1::text) || public.say('and ' || $1::text)"
        answers = await asyncio.gather(
            *(lanes.ask(twice, (text,)) for text in "abc"), lanes.ask(ECHO, ("d",))
        )
    finally:
        await owner.execute("drop function public.say")
        await owner.close()

    assert ["a,and a", "b,and b", "c,and c", ""] == [one.told for one in answers]


async def test_a_server_that_is_not_there_is_told_at_once(tmp_path: Any) -> None:
    nowhere = Lanes(f"postgresql://x@/x?host={tmp_path}", APP_ROLE, size=2, depth=1)
    async with asyncio.timeout(2):
        with pytest.raises(FileNotFoundError):
            await nowhere.ask(ECHO, ("x",))
    nowhere.close()
