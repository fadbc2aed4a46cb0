"""Whatever the server says in whatever pieces, and whatever is asked: each hears their own answer."""

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
def slow() -> list[str]:
    """Return where the statements are noted that took long."""
    return []


@pytest.fixture
async def script(tmp_path: Path, slow: list[str]) -> AsyncIterator[tuple[ScriptedServer, PipelinePool]]:
    """Return a server that keeps to a script, and a single connection to it."""
    async with run_scripted_server(tmp_path) as (server, url):
        lanes = PipelinePool(url, "somebody", size=1, max_in_flight=16, on_slow_statement=slow.append)
        await lanes.warm_up()
        yield server, lanes
        lanes.close()


def texts(answers: list[QueryResult | BaseException]) -> list[object]:
    """Return the first column of each answer, and the kind of each error."""
    return [
        one.row[0].decode() if isinstance(one, QueryResult) and one.row and one.row[0] is not None else type(one)
        for one in answers
    ]


def at(place: int) -> Cut:
    """Cut an answer in two there."""
    return lambda answer: iter((answer[:place], answer[place:]))


def crumbs(answer: bytes) -> Iterator[bytes]:
    """Cut an answer at every byte."""
    return (answer[index : index + 1] for index in range(len(answer)))


def chance(answer: bytes) -> Iterator[bytes]:
    """Cut an answer wherever it comes."""
    sizes = random.Random(len(answer))
    while answer:
        size = sizes.choice((1, 2, 5, 60, 400))
        yield answer[:size]
        answer = answer[size:]


@pytest.mark.parametrize("noise", [b"", *NOISE], ids=["nothing", "setting", "notice", "notification"])
async def test_answers_may_come_in_any_pieces_with_anything_between(
    script: tuple[ScriptedServer, PipelinePool], noise: bytes
) -> None:
    server, lanes = script
    server.noise = noise
    for number, cut in enumerate((*map(at, range(1, 64)), crumbs, chance)):
        server.cut = cut
        asked = [(f"select $1 as s{number + one % 3}", "é" * one + str(one)) for one in range(9)]

        async with asyncio.timeout(5):
            answers = await asyncio.gather(*(lanes.execute(statement, (text,)) for statement, text in asked))

        assert texts(list(answers)) == [text for _, text in asked]


async def test_nobody_is_slow_who_waits_for_what_is_being_prepared(
    script: tuple[ScriptedServer, PipelinePool], slow: list[str]
) -> None:
    server, lanes = script
    await lanes.execute(ECHO, ("x",))
    server.prepares_within_s = 0.1

    await asyncio.gather(lanes.execute(f"{ECHO} ", ("x",)), lanes.execute(ECHO, ("x",)))

    assert slow == []


async def test_the_last_words_of_a_server_are_said_to_whose_turn_it_is(
    script: tuple[ScriptedServer, PipelinePool],
) -> None:
    _, lanes = script
    await asyncio.gather(lanes.execute(ECHO, ("x",)), lanes.execute(f"{ECHO} ", ("x",)))
    asked = [lanes.execute(ECHO, ("a",)), lanes.execute(FATAL, ("b",)), lanes.execute(ECHO, ("c",))]

    answers = texts(await asyncio.gather(*asked, return_exceptions=True))

    # What was prepared already is asked before what is not.
    assert answers == ["a", asyncpg.AdminShutdownError, "c"]
    assert texts([await lanes.execute(ECHO, ("d",))]) == ["d"]


@pytest.mark.parametrize("bad", ["no bytes", 5, object(), "\ud800"])
@pytest.mark.parametrize("is_known", [True, False])
async def test_what_cannot_be_written_leaves_the_others_in_step(lanes: PipelinePool, bad: Any, is_known: bool) -> None:
    to_bytes = "select $1::bytea"
    if is_known:
        await asyncio.gather(lanes.execute(to_bytes, (b"",)), lanes.execute(ECHO, ("",)))
    asked = [lanes.execute(ECHO, ("a",)), lanes.execute(to_bytes, (bad,)), lanes.execute(ECHO, ("c",))]

    async with asyncio.timeout(2):
        answers = await asyncio.gather(*asked, return_exceptions=True)
        after = await lanes.execute(ECHO, ("d",))

    assert [one for one in texts([*answers, after]) if isinstance(one, str)] == ["a", "c", "d"]


async def test_a_statement_that_cannot_be_written_leaves_the_others_in_step(lanes: PipelinePool) -> None:
    asked = [lanes.execute(ECHO, ("a",)), lanes.execute("select '\ud800'", ()), lanes.execute(ECHO, ("c",))]

    async with asyncio.timeout(2):
        answers = await asyncio.gather(*asked, return_exceptions=True)

    assert texts(answers) == ["a", UnicodeEncodeError, "c"]


async def test_what_a_migration_changed_below_many_is_prepared_once_more(
    lanes: PipelinePool, running_servers: ServerUrls
) -> None:
    owner = await asyncpg.connect(running_servers.database_url)
    await owner.execute("set role monynha_owner")
    await owner.execute("create table public.passing as select 1::int as one")
    await owner.execute("grant select on public.passing to monynha_app")
    asked = "select * from public.passing"
    try:
        await lanes.execute(asked, ())
        await owner.execute("alter table public.passing alter one type text using 'changed'")
        answers = await asyncio.gather(*(lanes.execute(asked, ()) for _ in range(10)))
        kept = await lanes.execute("select count(*) from pg_prepared_statements where statement = $1", (asked,))
    finally:
        await owner.execute("drop table public.passing")
        await owner.close()

    assert texts([*answers, kept]) == ["changed"] * 10 + ["1"]


async def test_what_is_asked_once_more_tells_nothing_of_the_first_time(
    lanes: PipelinePool, running_servers: ServerUrls
) -> None:
    owner = await asyncpg.connect(running_servers.database_url)
    await owner.execute("set role monynha_owner")
    await owner.execute(
        "create function public.balk() returns text language plpgsql as $$ begin"
        f" raise notice 'monynha:project {STREAM_ID} 3'; raise feature_not_supported; end $$"
    )
    tells = "select public.balk()"
    try:
        asked = PendingQuery(tells, (), asyncio.get_running_loop().create_future())
        lanes._connections[0].send((asked,))
        with pytest.raises(asyncpg.FeatureNotSupportedError):
            await asked.future
    finally:
        await owner.execute("drop function public.balk")
        await owner.close()

    assert asked.stream_versions == (StreamVersion("project", STREAM_ID, 3),)
