"""Does the cost of a read grow with the number of rows? Items and first pages with ten thousand and a million tasks.

`python -m bench.scale` uses the dataset of the benchmark and gives a user 5,000 memberships for a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from statistics import median
from time import perf_counter
from uuid import UUID

import asyncpg

from bench.dataset import BENCH_FOLDER, Dataset, open_dataset
from monynha.app.composition.catalog import CATALOG
from monynha.core.actor import Actor, ActorKind
from monynha.engine.query.compiler import Compiler
from monynha.engine.query.queries import Queries
from monynha.engine.query.selection import Condition, Scope, Selection
from monynha.infra.postgres.database import ActorConnection, Database

_QUERY = Queries(Compiler())
_ROUNDS = 200


def _id(kind: str, number: int) -> UUID:
    return UUID(f"00000000-0000-4000-{kind}-{number:012x}")


def _user(number: int) -> Actor:
    claims = '{"role":"authenticated"}'
    return Actor(ActorKind.USER, _id("8000", number), _id("9000", number), claims=claims)


def _read_item(connection: ActorConnection, selection: Selection) -> Awaitable[object]:
    return _QUERY.fetch_row(connection, selection)


def _read_page(connection: ActorConnection, selection: Selection) -> Awaitable[object]:
    return _QUERY.fetch_page(connection, selection)


async def measure_reads(database: Database) -> dict[str, float]:
    """Return the median milliseconds of an item, a first page of tasks and a list of projects."""
    projects, tasks = CATALOG.resources["projects"], CATALOG.resources["tasks"]
    samples: dict[str, list[float]] = {"one task": [], "50 tasks": [], "20 projects": []}
    for number in range(1, _ROUNDS):
        connection = database.as_actor(_user(number))
        where = (Condition("eq", ("projectId",), _id("a000", number)),)
        scope = Scope(projects, _id("a000", number))
        reads = {
            "one task": _read_item(connection, Selection(tasks, tuple(tasks.fields), key=(_id("b000", number),))),
            "50 tasks": _read_page(
                connection, Selection(tasks, tuple(tasks.fields), where=where, scope=scope, limit=50)
            ),
            "20 projects": _read_page(connection, Selection(projects, tuple(projects.fields))),
        }
        for name, read in reads.items():
            started = perf_counter()
            await read
            samples[name].append((perf_counter() - started) * 1000)
    return {name: median(durations) for name, durations in samples.items()}


async def measure_busy_user(dataset: Dataset, database: Database) -> float:
    """Return the median milliseconds of the project list of a user with 5,000 memberships."""
    projects = CATALOG.resources["projects"]
    owner = await asyncpg.connect(dataset.servers.owner_url, server_settings={"role": "monynha_owner"})
    user_id = _id("8000", 9999)
    memberships = await owner.fetch("select project_id from public.project_members where user_id = $1", user_id)
    await owner.execute(
        "insert into public.project_members (project_id, user_id, role) "
        "select id, $1, 'member' from public.projects order by id limit 5000 on conflict do nothing",
        user_id,
    )
    await owner.execute("analyze public.project_members")
    try:
        samples = []
        for _ in range(20):
            started = perf_counter()
            await _read_page(database.as_actor(_user(9999)), Selection(projects, tuple(projects.fields)))
            samples.append((perf_counter() - started) * 1000)
        return median(samples)
    finally:
        kept_ids = [row["project_id"] for row in memberships]
        await owner.execute(
            "delete from public.project_members where user_id = $1 and project_id <> all ($2)",
            user_id,
            kept_ids,
        )
        await owner.close()


async def main(work: Path = BENCH_FOLDER / ".work") -> None:
    """Measure with a million tasks, and in a second dataset with ten thousand."""
    async with open_dataset(work) as dataset:
        database = await Database.open(dataset.servers.database_url)
        large_times = await measure_reads(database)
        print(f"a user with 5,000 memberships lists projects in {await measure_busy_user(dataset, database):.1f} ms")
        await database.close()
    async with open_dataset(work.with_name(f"{work.name}-small"), tasks=10_000) as small_dataset:
        database = await Database.open(small_dataset.servers.database_url)
        small_times = await measure_reads(database)
        await database.close()
    for name, large_ms in large_times.items():
        comparison = f"{small_times[name]:.2f} ms with 10,000 tasks, {large_ms:.2f} ms with a million"
        print(f"{name}: {comparison}: {large_ms / small_times[name]:.2f} ×")


if __name__ == "__main__":
    asyncio.run(main())
