"""Does the cost grow with what is stored? Single reads and first pages at 10 thousand and a million tasks.

`python -m bench.scale` runs on the benchmark's world, and gives somebody 5,000 memberships for a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from statistics import median
from time import perf_counter
from uuid import UUID

import asyncpg

from bench.world import HERE, World, world
from monynha.app.catalog import CATALOG
from monynha.core.actor import Actor, ActorKind
from monynha.engine.compiler import Compiler
from monynha.engine.query import Query
from monynha.engine.selection import Condition, Scope, Selection
from monynha.infra.postgres.database import Acting, Database

_QUERY = Query(Compiler())
_ROUNDS = 200


def _id(kind: str, number: int) -> UUID:
    return UUID(f"00000000-0000-4000-{kind}-{number:012x}")


def _person(number: int) -> Actor:
    claims = '{"role":"authenticated"}'
    return Actor(ActorKind.USER, _id("8000", number), _id("9000", number), claims=claims)


def _one(acting: Acting, asked: Selection) -> Awaitable[object]:
    return _QUERY.one(acting, _QUERY.ready(asked))


def _page(acting: Acting, asked: Selection) -> Awaitable[object]:
    return _QUERY.page(acting, _QUERY.ready(asked))


async def times(database: Database) -> dict[str, float]:
    """Return the median milliseconds of a single read, a first page of tasks and a list of projects."""
    projects, tasks = CATALOG.resources["projects"], CATALOG.resources["tasks"]
    found: dict[str, list[float]] = {"one task": [], "50 tasks": [], "20 projects": []}
    for number in range(1, _ROUNDS):
        acting = database.acting(_person(number))
        where = (Condition("is", ("projectId",), _id("a000", number)),)
        scope = Scope(projects, _id("a000", number))
        asked = {
            "one task": _one(acting, Selection(tasks, tuple(tasks.fields), key=(_id("b000", number),))),
            "50 tasks": _page(
                acting, Selection(tasks, tuple(tasks.fields), where=where, scope=scope, limit=50)
            ),
            "20 projects": _page(acting, Selection(projects, tuple(projects.fields))),
        }
        for name, question in asked.items():
            started = perf_counter()
            await question
            found[name].append((perf_counter() - started) * 1000)
    return {name: median(some) for name, some in found.items()}


async def busy_person(made: World, database: Database) -> float:
    """Return how many milliseconds somebody with 5,000 memberships waits for their projects."""
    projects = CATALOG.resources["projects"]
    owner = await asyncpg.connect(made.servers.owner_url, server_settings={"role": "monynha_owner"})
    busy = _id("8000", 9999)
    before = await owner.fetch("select project_id from public.project_members where user_id = $1", busy)
    await owner.execute(
        "insert into public.project_members (project_id, user_id, role) "
        "select id, $1, 'member' from public.projects order by id limit 5000 on conflict do nothing",
        busy,
    )
    await owner.execute("analyze public.project_members")
    try:
        waited = []
        for _ in range(20):
            started = perf_counter()
            await _page(database.acting(_person(9999)), Selection(projects, tuple(projects.fields)))
            waited.append((perf_counter() - started) * 1000)
        return median(waited)
    finally:
        kept = [row["project_id"] for row in before]
        await owner.execute(
            "delete from public.project_members where user_id = $1 and project_id <> all ($2)", busy, kept
        )
        await owner.close()


async def main(work: Path = HERE / ".work") -> None:
    """Measure with a million tasks, and in a world of its own with ten thousand."""
    async with world(work) as made:
        database = await Database.open(made.servers.database_url)
        many = await times(database)
        print(f"somebody with 5,000 memberships lists projects in {await busy_person(made, database):.1f} ms")
        await database.close()
    async with world(work.with_name(f"{work.name}-small"), tasks=10_000) as small:
        database = await Database.open(small.servers.database_url)
        few = await times(database)
        await database.close()
    for name, slow in many.items():
        told = f"{few[name]:.2f} ms with 10,000 tasks, {slow:.2f} ms with a million"
        print(f"{name}: {told}: {slow / few[name]:.2f} ×")


if __name__ == "__main__":
    asyncio.run(main())
