"""A small random dataset: users, projects, members, tasks and posts, with equal sort values and nulls."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import asyncpg

from monynha.core.serialization import format_timestamp, to_camel_case
from tests.users import ApiUser, UserFactory

Row = dict[str, Any]
Rows = dict[str, list[Row]]
"""Rows by resource, with the names and values of the API."""

COLUMNS = {
    "users": "id, email, name, avatar_url, email_verified, created_at, updated_at",
    "posts": "id, title, content, author_id, created_at, updated_at",
    "projects": "id, name, description, owner_id, status, settings, requires_aal2, created_at, updated_at",
    "members": "project_id, user_id, role, joined_at",
    "tasks": "id, project_id, title, description, status, priority, assignee_id, due_date, tags, "
    "created_at, updated_at",
}
_IN_OWNED_PROJECT = "project_id in (select id from public.projects where owner_id = any($1))"
OWNED_BY = {
    "users": "id = any($1)",
    "posts": "author_id = any($1)",
    "projects": "owner_id = any($1)",
    "members": _IN_OWNED_PROJECT,
    "tasks": _IN_OWNED_PROJECT,
}
STATUSES = ("todo", "in_progress", "review", "done")
PRIORITIES = ("low", "medium", "high", "urgent")
TAGS = ("red", "wood", "Wood", "two words", "ö", "a%b")
TITLES = ("Paint the wall", "paint", "Cut_100%", "ärger", "Ship it", "ship", "zz", "Ä", "a", "🚀 go")
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class Dataset:
    """The users and the rows of the dataset.

    No dataclass: Hypothesis shows all fields of one with each example, and warns of a long text.
    """

    def __init__(self, users: list[ApiUser], admin: ApiUser, rows: Rows) -> None:
        self.users = users
        self.admin = admin
        self.rows = rows


@asynccontextmanager
async def owner_connection(url: str) -> AsyncIterator[asyncpg.Connection[Any]]:
    """Connect as the owner of the tables, who sees all rows."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("set role monynha_owner")
        yield connection
    finally:
        await connection.close()


async def fetch_all_rows(connection: asyncpg.Connection[Any], users: list[ApiUser] | None = None) -> Rows:
    """Return all rows, or only those owned by some users."""
    rows_by_resource: Rows = {}
    for plural, columns in COLUMNS.items():
        table = "project_members" if plural == "members" else plural
        query = f"select {columns} from public.{table}"
        rows = await (
            connection.fetch(query)
            if users is None
            else connection.fetch(f"{query} where {OWNED_BY[plural]}", [user.id for user in users])
        )
        rows_by_resource[plural] = [
            {to_camel_case(name): _to_json_value(name, value) for name, value in row.items()} for row in rows
        ]
    return rows_by_resource


async def create_dataset(users: UserFactory, owner_url: str, *, seed: int, size: int = 10) -> Dataset:
    """Create a dataset with `size` users; equal seeds give equal data, except for the ids."""
    rng = Random(seed)
    everyone = [await users.create(f"P{number}") for number in range(size)]
    admin = await users.create("Admin", is_admin=True)
    async with owner_connection(owner_url) as connection, connection.transaction():
        for user in everyone[: size // 2]:
            await connection.execute(
                "update public.users set created_at = $2, name = $3 where id = $1",
                *(user.id, _random_time(rng), rng.choice(TITLES)),
            )
        for _ in range(size * 2):
            await _insert_post(connection, rng, rng.choice(everyone))
        for _ in range(size):
            await _insert_project(connection, rng, everyone)
        return Dataset(everyone, admin, await fetch_all_rows(connection))


async def _insert_post(connection: asyncpg.Connection[Any], rng: Random, author: ApiUser) -> None:
    await connection.execute(
        "insert into public.posts (title, content, author_id, created_at, updated_at) values ($1, $2, $3, $4, $5)",
        *(rng.choice(TITLES), rng.choice(TITLES), author.id, _random_time(rng), _random_time(rng)),
    )


async def _insert_project(connection: asyncpg.Connection[Any], rng: Random, everyone: list[ApiUser]) -> None:
    # The first user is in no project.
    owner, *others = rng.sample(everyone[1:], min(rng.randint(1, 5), len(everyone) - 1))
    project: UUID = await connection.fetchval(
        "insert into public.projects (name, description, owner_id, settings, created_at) "
        "values ($1, $2, $3, $4, $5) returning id",
        *(rng.choice(TITLES), rng.choice([None, *TITLES]), owner.id, '{"k": [1, null, "ö"]}'),
        _random_time(rng),
    )
    for other in others:
        await connection.execute(
            "insert into public.project_members (project_id, user_id, role, joined_at) values ($1, $2, $3, $4)",
            *(project, other.id, rng.choice(["viewer", "member", "admin"]), _random_time(rng)),
        )
    for _ in range(rng.randint(0, 9)):
        await connection.execute(
            "insert into public.tasks (project_id, title, description, status, priority, assignee_id, "
            "due_date, tags, created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            *(project, rng.choice(TITLES), rng.choice([None, *TITLES]), rng.choice(STATUSES)),
            *(rng.choice(PRIORITIES), rng.choice([None, owner.id, *(other.id for other in others)])),
            *(rng.choice([None, _random_time(rng)]), rng.sample(TAGS, rng.randint(0, 3))),
            *(_random_time(rng), _random_time(rng)),
        )
    status = rng.choice(["active", "active", "archived"])
    await connection.execute("update public.projects set status = $2 where id = $1", project, status)


def _random_time(rng: Random) -> datetime:
    # Few different times, so that many rows share one.
    return _EPOCH + timedelta(hours=rng.randint(0, 5), microseconds=rng.choice([0, 1]))


def _to_json_value(name: str, value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return format_timestamp(value)
    return json.loads(value) if name == "settings" else value
