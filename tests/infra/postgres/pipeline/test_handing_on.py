"""Queries that are held up are handed on to others, without results, in their order, and each once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import asyncpg
import pytest

from monynha.infra.embedded import ServerUrls
from monynha.infra.postgres.pipeline import connection as module
from monynha.infra.postgres.pipeline.connection import PendingQuery
from monynha.infra.postgres.pipeline.pool import PipelinePool
from monynha.infra.postgres.roles import APP_ROLE
from tests.conditions import wait_until

pytestmark = pytest.mark.anyio

ECHO, SLEEP = "select $1::text", "select 'woke' from pg_sleep(60)"
LOCK = "select 'locked' from pg_advisory_xact_lock(4712)"


@dataclass
class Receiver:
    """Takes over what connections hand on."""

    handed_on: list[tuple[str, list[str]]] = field(default_factory=list)
    queries: list[PendingQuery] = field(default_factory=list)

    def __call__(self, statement: str, queries: Sequence[PendingQuery]) -> None:
        self.handed_on.append((statement, [query.statement for query in queries]))
        self.queries += queries


@pytest.fixture
def receiver() -> Receiver:
    """Return what takes queries over."""
    return Receiver()


@pytest.fixture
async def shared(running_servers: ServerUrls, receiver: Receiver) -> AsyncIterator[PipelinePool]:
    """Return a pool of one connection, on which up to sixteen queries are in flight."""
    pool = PipelinePool(running_servers.database_url, APP_ROLE, size=1, max_in_flight=16, on_blocked=receiver)
    await pool.warm_up()
    yield pool
    pool.close()


@pytest.fixture
async def exclusive(running_servers: ServerUrls, receiver: Receiver) -> AsyncIterator[PipelinePool]:
    """Return a pool of one connection with one query at a time, which waits for a lock for a tenth of a second."""
    pool = PipelinePool(
        running_servers.database_url, APP_ROLE, size=1, max_in_flight=1, lock_timeout_ms=100, on_blocked=receiver
    )
    await pool.warm_up()
    yield pool
    pool.close()


@pytest.fixture
async def lock_holder(running_servers: ServerUrls) -> AsyncIterator[asyncpg.Connection]:
    """Return a connection that holds the lock."""
    holder = await asyncpg.connect(running_servers.database_url)
    await holder.fetchval("select pg_advisory_lock(4712)")
    yield holder
    await holder.close()


async def test_what_waits_behind_a_slow_query_is_handed_on_with_it(shared: PipelinePool, receiver: Receiver) -> None:
    await asyncio.gather(shared.execute(ECHO, ("x",)), shared.execute(f"{ECHO} ", ("x",)))
    before = shared.execute(ECHO, ("before",))
    behind = [shared.execute(SLEEP, ()), shared.execute(f"{ECHO} ", ("behind",)), shared.execute("select 7", ())]

    await wait_until(lambda: bool(receiver.handed_on))

    assert (await before).value == b"before"
    # Prepared statements are sent before those that have to be prepared first, so one had its result in time.
    assert (await behind[1]).value == b"behind"
    assert receiver.handed_on == [(SLEEP, [SLEEP, "select 7"])]
    assert [query.done() for query in behind] == [False, True, False]


async def test_queries_that_are_handed_on_can_be_run_elsewhere(
    shared: PipelinePool, receiver: Receiver, pool: PipelinePool
) -> None:
    await asyncio.gather(shared.execute("select pg_sleep($1::float8)", (0,)), shared.execute(ECHO, ("x",)))
    slow, behind = shared.execute("select pg_sleep($1::float8)", (60,)), shared.execute(ECHO, ("behind",))
    await wait_until(lambda: bool(receiver.handed_on))

    for query in receiver.queries[1:]:
        pool.submit(query)

    assert (await behind).value == b"behind"
    assert not slow.done()
    # The pool has opened another connection.
    assert (await shared.execute(ECHO, ("after",))).value == b"after"


async def test_a_result_that_was_not_read_yet_is_not_handed_on(
    shared: PipelinePool, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_GIVE_UP_AFTER_S", 0.2)
    monkeypatch.setattr(module, "_CHECK_INTERVAL_S", 0.05)
    await shared.execute(ECHO, ("x",))

    result = shared.execute(ECHO, ("y",))
    await asyncio.sleep(0)
    time.sleep(0.5)  # noqa: ASYNC251 - the whole process is busy when the time is up

    assert (await result).value == b"y"
    assert receiver.handed_on == []


@pytest.mark.usefixtures("lock_holder")
async def test_a_query_that_waits_for_a_lock_is_handed_on_alone(exclusive: PipelinePool, receiver: Receiver) -> None:
    await exclusive.execute(ECHO, ("x",))
    waiting, following = exclusive.execute(LOCK, ()), exclusive.execute(ECHO, ("y",))

    assert (await following).value == b"y"

    assert receiver.handed_on == [(LOCK, [LOCK])]
    assert not waiting.done()


async def test_a_slow_query_that_has_its_connection_to_itself_goes_on(
    exclusive: PipelinePool, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_GIVE_UP_AFTER_S", 0.05)
    monkeypatch.setattr(module, "_CHECK_INTERVAL_S", 0.05)

    result = await exclusive.execute("select 'woke' from pg_sleep(0.5)", ())

    assert (result.value, receiver.handed_on) == (b"woke", [])
