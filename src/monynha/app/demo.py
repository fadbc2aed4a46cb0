"""A believable workspace, made the way people make theirs: as themselves, through the engine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any
from uuid import UUID

from monynha.app.catalog import CATALOG
from monynha.core.actor import Actor, ActorKind
from monynha.core.wire import format_instant
from monynha.domains.auth.accounts import Accounts
from monynha.engine.compiler import Compiler
from monynha.engine.mutate import Created, Mutate
from monynha.engine.mutation import read_create
from monynha.engine.query import Query
from monynha.infra.postgres.database import Database

_DOMAIN = "demo.example"


@dataclass(frozen=True)
class Demo:
    """What was made: the addresses to sign in with, and their password."""

    emails: tuple[str, ...]
    password: str


async def make_demo(database: Database, accounts: Accounts) -> Demo | None:
    """Make the workspace; None where it is there already."""
    told: dict[str, Any] = json.loads(files("monynha.app").joinpath("demo.json").read_text("utf-8"))
    emails = {name: f"{name}@{_DOMAIN}" for name, _ in told["people"]}
    first = next(iter(emails.values()))
    if await accounts.is_known(first):
        return None
    makers = {}
    for name, full_name in told["people"]:
        account = await accounts.add_confirmed(emails[name], told["password"], full_name)
        makers[name] = _Maker(database, account.id)
    for project in told["projects"]:
        await _make_project(project, makers)
    for author, title, content in told["posts"]:
        await makers[author].make("posts", {"title": title, "content": content})
    return Demo(tuple(emails.values()), told["password"])


async def _make_project(project: Mapping[str, Any], makers: Mapping[str, _Maker]) -> None:
    owner = makers[project["owner"]]
    body = {"name": project["name"], "description": project["description"]}
    made = (await owner.make("projects", body)).key[0]
    for name, role in project["members"].items():
        await owner.make("members", {"userId": str(makers[name].id), "role": role}, parent=made)
    today = datetime.now(UTC).replace(hour=16, minute=0, second=0, microsecond=0)
    for title, status, priority, assignee, days, tags, description in reversed(project["tasks"]):
        await owner.make(
            "tasks",
            {
                "title": title,
                "description": description,
                "status": status,
                "priority": priority,
                "assigneeId": None if assignee is None else str(makers[assignee].id),
                "dueDate": None if days is None else format_instant(today + timedelta(days=days)),
                "tags": tags,
            },
            parent=made,
        )


@dataclass(frozen=True)
class _Maker:
    """One of the people, who makes things."""

    database: Database
    id: UUID

    async def make(self, plural: str, body: dict[str, Any], *, parent: UUID | None = None) -> Created:
        """Create something as this person."""
        claims = json.dumps({"sub": str(self.id), "role": ActorKind.USER.value})
        acting = self.database.acting(Actor(ActorKind.USER, self.id, claims=claims))
        resource = CATALOG.resources[plural]
        return await _MUTATE.create(acting, resource, read_create(resource, body), parent=parent)


_MUTATE = Mutate(Query(Compiler()))
