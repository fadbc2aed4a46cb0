"""Do many sessions slow down the hot path? The same requests before and after 50,000 more sessions.

`python -m bench.sessions` uses the dataset of the benchmark, to which it adds the sessions for a while: 40,000 of all
users alike, and 10,000 of one. Every read checks that its session is live (`auth.set_actor`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from uuid import UUID

import asyncpg

from bench.dataset import BENCH_FOLDER, open_dataset
from monynha.app.catalog import CATALOG
from monynha.core.actor import Actor, ActorKind, system_actor
from monynha.engine.query.compiler import Compiler
from monynha.engine.query.queries import Queries
from monynha.engine.query.selection import Selection
from monynha.infra.postgres.database import Database

_QUERIES = Queries(Compiler())
_ROUNDS = 400
_BUSY_USER = 9998
_INSERT_MANY = """
insert into auth.sessions (user_id, device, user_agent, ip, amr)
select u.id, 'Firefox on Linux', 'Mozilla/5.0', '203.0.113.7', '[{"method": "password", "timestamp": 1}]'
from (select id, row_number() over (order by id) as number from auth.users limit 8000) u, generate_series(1, 5)
"""
_INSERT_BUSY = """
insert into auth.sessions (user_id, device, created_at)
select $1, 'Firefox on Linux', now() - n * interval '1 minute' from generate_series(1, 10000) as n
"""
_INSERT_ONE = "insert into auth.sessions (user_id, device) values ($1, 'Firefox on Linux') returning id"
_REFRESH = """
update auth.sessions set refresh_counter = refresh_counter + 1, refreshed_at = now()
where id = (select id from auth.sessions where id = $1 for update)
"""
_DELETE = "delete from auth.sessions where id = $1"


def _id(kind: str, number: int) -> UUID:
    return UUID(f"00000000-0000-4000-{kind}-{number:012x}")


def _user(number: int) -> Actor:
    claims = '{"role":"authenticated"}'
    return Actor(ActorKind.USER, _id("8000", number), _id("9000", number), claims=claims)


async def _measure(database: Database) -> dict[str, float]:
    """Return the median milliseconds of each request."""
    tasks, sessions = CATALOG.resources["tasks"], CATALOG.resources["sessions"]
    task_fields, session_fields = tuple(tasks.fields), tuple(sessions.fields)

    def read_task(number: int) -> Awaitable[object]:
        selection = Selection(tasks, task_fields, key=(_id("b000", number),))
        return _QUERIES.fetch_row(database.as_actor(_user(number)), selection)

    def list_sessions(number: int) -> Awaitable[object]:
        return _QUERIES.fetch_page(database.as_actor(_user(number)), Selection(sessions, session_fields))

    def list_sessions_of_busy_user(_: int) -> Awaitable[object]:
        return list_sessions(_BUSY_USER)

    async def begin_refresh_and_end(number: int) -> None:
        async with database.as_actor(system_actor("auth")).transaction() as transaction:
            session_id = await transaction.fetch_value(_INSERT_ONE, _id("8000", number))
            await transaction.execute(_REFRESH, session_id)
            await transaction.execute(_DELETE, session_id)

    requests: dict[str, Callable[[int], Awaitable[object]]] = {
        "one task": read_task,
        "one's own sessions": list_sessions,
        "sessions of a user with 10,000": list_sessions_of_busy_user,
        "begin, refresh and end a session": begin_refresh_and_end,
    }
    return {name: await _median_ms(request) for name, request in requests.items()}


async def _median_ms(request: Callable[[int], Awaitable[object]]) -> float:
    durations = []
    for number in range(1, _ROUNDS):
        started = perf_counter()
        await request(number)
        durations.append((perf_counter() - started) * 1000)
    return median(durations)


async def main(work: Path = BENCH_FOLDER / ".work") -> None:
    """Measure, add the sessions, measure again, and delete them."""
    async with open_dataset(work) as dataset:
        owner = await asyncpg.connect(dataset.servers.owner_url, server_settings={"role": "monynha_owner"})
        database = await Database.open(dataset.servers.database_url)
        started_at = await owner.fetchval("select now()")
        before = await _measure(database)
        try:
            await owner.execute(_INSERT_MANY)
            await owner.execute(_INSERT_BUSY, _id("8000", _BUSY_USER))
            await owner.execute("analyze auth.sessions")
            count = await owner.fetchval("select count(*) from auth.sessions")
            after = await _measure(database)
        finally:
            # Without the events that would close sockets, of which there are none.
            await owner.execute("alter table auth.sessions disable trigger user")
            await owner.execute(
                "delete from auth.sessions where device is not null and (created_at >= $1 or user_id = $2)",
                started_at,
                _id("8000", _BUSY_USER),
            )
            await owner.execute("alter table auth.sessions enable trigger user")
            await database.close()
            await owner.close()
    print(f"with {count:,} sessions")
    for name, before_ms in before.items():
        print(f"{name}: {before_ms:.2f} ms, {after[name]:.2f} ms with 50,000 more: {after[name] / before_ms:.2f} ×")


if __name__ == "__main__":
    asyncio.run(main())
