"""A small world made at random: people, projects, members, tasks and posts, with ties and nulls."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import asyncpg

from monynha.core.wire import camel, format_instant
from tests.people import People, Person

Row = dict[str, Any]
Rows = dict[str, list[Row]]
"""Every row there is by its resource, with outside names and values; read as the owner of the tables."""

COLUMNS = {
    "users": "id, email, name, avatar_url, email_verified, created_at, updated_at",
    "posts": "id, title, content, author_id, created_at, updated_at",
    "projects": "id, name, description, owner_id, status, settings, created_at, updated_at",
    "members": "project_id, user_id, role, joined_at",
    "tasks": "id, project_id, title, description, status, priority, assignee_id, due_date, tags, "
    "created_at, updated_at",
}
_OF_THEIRS = "project_id in (select id from public.projects where owner_id = any($1))"
BELONGS = {
    "users": "id = any($1)",
    "posts": "author_id = any($1)",
    "projects": "owner_id = any($1)",
    "members": _OF_THEIRS,
    "tasks": _OF_THEIRS,
}
STATUSES = ("todo", "in_progress", "review", "done")
PRIORITIES = ("low", "medium", "high", "urgent")
TAGS = ("red", "wood", "Wood", "two words", "ö", "a%b")
TITLES = ("Paint the wall", "paint", "Cut_100%", "ärger", "Ship it", "ship", "zz", "Ä", "a", "🚀 go")
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class World:
    """The people of the world, and the rows as they were when it was made."""

    people: list[Person]
    admin: Person
    rows: Rows


@asynccontextmanager
async def owning(url: str) -> AsyncIterator[asyncpg.Connection[Any]]:
    """Return a connection as the owner of the tables, who sees everything."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("set role monynha_owner")
        yield connection
    finally:
        await connection.close()


async def rows_of(connection: asyncpg.Connection[Any], people: list[Person] | None = None) -> Rows:
    """Return every row, or those alone that belong to some people."""
    found: Rows = {}
    for plural, columns in COLUMNS.items():
        table = "project_members" if plural == "members" else plural
        asked = f"select {columns} from public.{table}"
        rows = await (
            connection.fetch(asked)
            if people is None
            else connection.fetch(f"{asked} where {BELONGS[plural]}", [one.id for one in people])
        )
        found[plural] = [{camel(name): _outside(name, value) for name, value in row.items()} for row in rows]
    return found


async def make_world(people: People, owner_url: str, *, seed: int, size: int = 10) -> World:
    """Return a world of so many people, the same for the same seed but for its ids."""
    chance = Random(seed)
    crowd = [await people.new(f"P{number}") for number in range(size)]
    admin = await people.new("Admin", is_admin=True)
    async with owning(owner_url) as connection, connection.transaction():
        for person in crowd[: size // 2]:
            await connection.execute(
                "update public.users set created_at = $2, name = $3 where id = $1",
                *(person.id, _moment(chance), chance.choice(TITLES)),
            )
        for _ in range(size * 2):
            await _post(connection, chance, chance.choice(crowd))
        for _ in range(size):
            await _project(connection, chance, crowd)
        return World(crowd, admin, await rows_of(connection))


async def _post(connection: asyncpg.Connection[Any], chance: Random, author: Person) -> None:
    await connection.execute(
        "insert into public.posts (title, content, author_id, created_at, updated_at) "
        "values ($1, $2, $3, $4, $5)",
        *(chance.choice(TITLES), chance.choice(TITLES), author.id, _moment(chance), _moment(chance)),
    )


async def _project(connection: asyncpg.Connection[Any], chance: Random, crowd: list[Person]) -> None:
    # The first of them is in no project.
    owner, *others = chance.sample(crowd[1:], min(chance.randint(1, 5), len(crowd) - 1))
    project: UUID = await connection.fetchval(
        "insert into public.projects (name, description, owner_id, settings, created_at) "
        "values ($1, $2, $3, $4, $5) returning id",
        *(chance.choice(TITLES), chance.choice([None, *TITLES]), owner.id, '{"k": [1, null, "ö"]}'),
        _moment(chance),
    )
    for other in others:
        await connection.execute(
            "insert into public.project_members (project_id, user_id, role, joined_at) "
            "values ($1, $2, $3, $4)",
            *(project, other.id, chance.choice(["viewer", "member", "admin"]), _moment(chance)),
        )
    for _ in range(chance.randint(0, 9)):
        await connection.execute(
            "insert into public.tasks (project_id, title, description, status, priority, assignee_id, "
            "due_date, tags, created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            *(project, chance.choice(TITLES), chance.choice([None, *TITLES]), chance.choice(STATUSES)),
            *(chance.choice(PRIORITIES), chance.choice([None, owner.id, *(one.id for one in others)])),
            *(chance.choice([None, _moment(chance)]), chance.sample(TAGS, chance.randint(0, 3))),
            *(_moment(chance), _moment(chance)),
        )
    status = chance.choice(["active", "active", "archived"])
    await connection.execute("update public.projects set status = $2 where id = $1", project, status)


def _moment(chance: Random) -> datetime:
    # Few moments, so that many rows share one.
    return _EPOCH + timedelta(hours=chance.randint(0, 5), microseconds=chance.choice([0, 1]))


def _outside(name: str, value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return format_instant(value)
    return json.loads(value) if name == "settings" else value
