"""Which payloads are the same for all subscribers, and that public resources look the same to everyone."""

from __future__ import annotations

from typing import Any

import pytest

from monynha.app.composition.catalog import CATALOG
from monynha.core.actor import Actor
from monynha.engine.query.compiler import Compiler
from monynha.engine.query.queries import Queries
from monynha.engine.query.selection import SelectedRelation, Selection
from monynha.engine.realtime.shared_payload import is_same_for_all_subscribers
from monynha.engine.schema.resource import Resource
from monynha.infra.postgres.database import Database
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

PROJECTS, TASKS, USERS = (CATALOG.resources[name] for name in ("projects", "tasks", "users"))
PUBLIC_RESOURCES = [resource for resource in CATALOG.resources.values() if resource.is_public]


def own_fields(resource: Resource) -> tuple[str, ...]:
    """Return the fields that are columns of the row itself."""
    return tuple(
        name
        for name, field in resource.fields.items()
        if field.column is not None and field.rules.read_via_view is None
    )


def select(resource: Resource, *branches: Any, fields: tuple[str, ...] = ("createdAt",)) -> Selection:
    """Return a selection of some fields and of relations, each as `(name, selection)`."""
    relations = CATALOG.relations_of(resource)
    return Selection(
        resource, fields, tuple(SelectedRelation(name, relations[name], below) for name, below in branches)
    )


USER = select(USERS, fields=("name", "avatarUrl"))
MEMBER = select(CATALOG.resources["members"], ("user", USER), fields=("role",))


@pytest.mark.parametrize(
    ("selection", "is_in_stream", "expected"),
    [
        (select(TASKS), True, True),
        (select(TASKS), False, False),
        (USER, False, True),
        (select(USERS, fields=("email",)), False, False),
        (select(PROJECTS, fields=("myRole",)), True, False),
        (
            select(TASKS, ("project", select(PROJECTS, ("tasks", select(TASKS)), ("members", MEMBER)))),
            True,
            True,
        ),
        (
            select(TASKS, ("assignee", select(USERS, ("posts", select(CATALOG.resources["posts"]))))),
            True,
            True,
        ),
        (select(TASKS, ("assignee", select(USERS, ("assignedTasks", select(TASKS))))), True, False),
        (select(TASKS, ("assignee", select(USERS, ("projects", select(PROJECTS))))), True, False),
        (select(PROJECTS, ("owner", select(USERS, ("ownedProjects", select(PROJECTS))))), True, False),
    ],
    ids=range(10),
)
def test_payload_is_shared_only_when_no_field_depends_on_the_reader(
    selection: Selection, is_in_stream: bool, expected: bool
) -> None:
    assert is_same_for_all_subscribers(selection, PROJECTS, is_in_stream=is_in_stream) is expected


@pytest.mark.parametrize("resource", PUBLIC_RESOURCES, ids=[resource.plural for resource in PUBLIC_RESOURCES])
async def test_public_resource_looks_the_same_to_every_user(
    database: Database, users: UserFactory, user: ApiUser, resource: Resource
) -> None:
    post = await user.create("/posts", {"title": "P", "content": ""})
    key = {"users": user.id, "posts": post["id"]}[resource.plural]
    query = Queries(Compiler())

    async def read_as(actor: Actor) -> bytes:
        row = await query.fetch_row(database.as_actor(actor), Selection(resource, own_fields(resource), key=(key,)))
        return row.json

    other_user, admin = await users.create("Eve"), await users.create("Root", is_admin=True)

    assert {await read_as(other_user.actor), await read_as(admin.actor)} == {await read_as(user.actor)}
