"""What all hearers of a stream are shown alike: what a declaration says is public, everybody is shown."""

from __future__ import annotations

from typing import Any

import pytest

from monynha.app.catalog import CATALOG
from monynha.core.actor import Actor
from monynha.engine.audience import shows_all_the_same
from monynha.engine.compiler import Compiler
from monynha.engine.query import Query
from monynha.engine.resource import Resource
from monynha.engine.selection import Branch, Selection
from monynha.infra.postgres.database import Database
from tests.people import People, Person

pytestmark = pytest.mark.anyio

PROJECTS, TASKS, USERS = (CATALOG.resources[name] for name in ("projects", "tasks", "users"))
PUBLIC = [one for one in CATALOG.resources.values() if one.is_public]


def plain(resource: Resource) -> tuple[str, ...]:
    """Return the fields that are the row's own."""
    return tuple(
        name
        for name, one in resource.fields.items()
        if one.column is not None and one.rules.seen_through is None
    )


def asked(resource: Resource, *ways: Any, fields: tuple[str, ...] = ("createdAt",)) -> Selection:
    """Return a selection with what hangs on it, each as `(name, selection)`."""
    known = CATALOG.relations_of(resource)
    return Selection(resource, fields, tuple(Branch(name, known[name], below) for name, below in ways))


USER = asked(USERS, fields=("name", "avatarUrl"))
MEMBER = asked(CATALOG.resources["members"], ("user", USER), fields=("role",))


@pytest.mark.parametrize(
    ("selection", "is_within", "expected"),
    [
        (asked(TASKS), True, True),
        (asked(TASKS), False, False),
        (USER, False, True),
        (asked(USERS, fields=("email",)), False, False),
        (asked(PROJECTS, fields=("myRole",)), True, False),
        (
            asked(TASKS, ("project", asked(PROJECTS, ("tasks", asked(TASKS)), ("members", MEMBER)))),
            True,
            True,
        ),
        (asked(TASKS, ("assignee", asked(USERS, ("posts", asked(CATALOG.resources["posts"]))))), True, True),
        (asked(TASKS, ("assignee", asked(USERS, ("assignedTasks", asked(TASKS))))), True, False),
        (asked(TASKS, ("assignee", asked(USERS, ("projects", asked(PROJECTS))))), True, False),
        (asked(PROJECTS, ("owner", asked(USERS, ("ownedProjects", asked(PROJECTS))))), True, False),
    ],
    ids=range(10),
)
def test_only_what_nobody_sees_otherwise_is_shown_to_all_alike(
    selection: Selection, is_within: bool, expected: bool
) -> None:
    assert expected is shows_all_the_same(selection, PROJECTS, is_within=is_within)


@pytest.mark.parametrize("resource", PUBLIC, ids=[one.plural for one in PUBLIC])
async def test_what_is_public_is_shown_to_everybody(
    database: Database, people: People, ada: Person, resource: Resource
) -> None:
    post = await ada.made("/posts", {"title": "P", "content": ""})
    key = {"users": ada.id, "posts": post["id"]}[resource.plural]
    query = Query(Compiler())

    async def shown_to(actor: Actor) -> bytes:
        asked = query.ready(Selection(resource, plain(resource), key=(key,)))
        found = await query.one(database.acting(actor), asked)
        return found.body

    eve, root = await people.new("Eve"), await people.new("Root", is_admin=True)

    assert {await shown_to(ada.actor)} == {await shown_to(eve.actor), await shown_to(root.actor)}
