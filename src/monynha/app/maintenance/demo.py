"""Creates example data, through the same mutations and with the same rights as its users."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any
from uuid import UUID

from monynha.app.composition.catalog import CATALOG
from monynha.core.actor import Actor, ActorKind
from monynha.core.serialization import format_timestamp
from monynha.domains.auth.services.account_service import AccountService
from monynha.engine.mutation.mutations import CreatedRow, Mutations
from monynha.engine.mutation.validation import parse_create
from monynha.engine.query.compiler import Compiler
from monynha.engine.query.queries import Queries
from monynha.infra.postgres.database import Database

_EMAIL_DOMAIN = "demo.example"


@dataclass(frozen=True)
class DemoAccounts:
    """The email addresses to sign in with, and their password."""

    emails: tuple[str, ...]
    password: str


async def create_demo(database: Database, accounts: AccountService) -> DemoAccounts | None:
    """Create the demo, and return its accounts; None if it exists already."""
    content: dict[str, Any] = json.loads(files("monynha.app.maintenance").joinpath("demo.json").read_text("utf-8"))
    emails = {name: f"{name}@{_EMAIL_DOMAIN}" for name, _ in content["users"]}
    first_email = next(iter(emails.values()))
    if await accounts.exists(first_email):
        return None
    users = {}
    for name, full_name in content["users"]:
        account = await accounts.create_confirmed(emails[name], content["password"], full_name)
        users[name] = _DemoUser(database, account.id)
    for project in content["projects"]:
        await _create_project(project, users)
    for author, title, post_content in content["posts"]:
        await users[author].create("posts", {"title": title, "content": post_content})
    return DemoAccounts(tuple(emails.values()), content["password"])


async def _create_project(project: Mapping[str, Any], users: Mapping[str, _DemoUser]) -> None:
    owner = users[project["owner"]]
    body = {"name": project["name"], "description": project["description"]}
    project_id = (await owner.create("projects", body)).key[0]
    for name, role in project["members"].items():
        await owner.create("members", {"userId": str(users[name].id), "role": role}, parent=project_id)
    today = datetime.now(UTC).replace(hour=16, minute=0, second=0, microsecond=0)
    for title, status, priority, assignee, days, tags, description in reversed(project["tasks"]):
        await owner.create(
            "tasks",
            {
                "title": title,
                "description": description,
                "status": status,
                "priority": priority,
                "assigneeId": None if assignee is None else str(users[assignee].id),
                "dueDate": None if days is None else format_timestamp(today + timedelta(days=days)),
                "tags": tags,
            },
            parent=project_id,
        )


@dataclass(frozen=True)
class _DemoUser:
    """A user of the demo, who creates rows."""

    database: Database
    id: UUID

    async def create(self, plural: str, body: dict[str, Any], *, parent: UUID | None = None) -> CreatedRow:
        """Create a row as this user."""
        claims = json.dumps({"sub": str(self.id), "role": ActorKind.USER.value})
        connection = self.database.as_actor(Actor(ActorKind.USER, self.id, claims=claims))
        resource = CATALOG.resources[plural]
        return await _MUTATIONS.create(connection, resource, parse_create(resource, body), parent_id=parent)


_MUTATIONS = Mutations(Queries(Compiler()))
