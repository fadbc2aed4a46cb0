"""What the triggers of the history tell the program, and what the history is looked into for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from monynha.app.catalog import CATALOG
from monynha.engine.compiler import Compiler
from monynha.engine.mutate import Mutate
from monynha.engine.query import Query
from monynha.infra.postgres.database import Database
from tests.live import OwnerSql
from tests.people import People, Person

pytestmark = pytest.mark.anyio

_MANY = """
insert into monynha.events (kind, stream, version, at, resource, verb, row_id)
select 'project', $1, 100 + n, now(), 'tasks', 'update', gen_random_uuid() from generate_series(1, 5000) n
"""
Ways = Callable[[Person, dict[str, Any]], str]
WAYS: list[Ways] = [
    lambda person, project: f"e.resource = 'users' and e.row_id = '{person.id}'",
    lambda person, project: (
        f"e.kind = 'project' and e.stream = '{project['id']}' "
        f"and e.resource = 'members' and e.row_id = '{person.id}' and e.verb = 'insert'"
    ),
]


@pytest.mark.parametrize("way", WAYS, ids=["to be forgotten", "to hear from there on"])
async def test_what_happened_to_a_person_is_found_by_an_index_of_its_own(
    ada: Person, owner_sql: OwnerSql, way: Ways
) -> None:
    project = await ada.project()
    await owner_sql(_MANY, project["id"])
    await owner_sql("analyze monynha.events")
    lines = await owner_sql(f"explain select from monynha.events e where {way(ada, project)}")
    await owner_sql("delete from monynha.events where stream = $1 and version > 100", project["id"])

    assert "_row_id_at_idx" in "\n".join(line[0] for line in lines)


async def told_by(database: Database, person: Person, project: dict[str, Any], **values: object) -> list[str]:
    """Return the streams that a person's new task wakes, and `notice` for what the triggers had to tell."""
    told: list[str] = []
    acting = database.acting(person.actor).noting(told.append)
    mutate = Mutate(Query(Compiler()))
    await mutate.create(
        acting, CATALOG.resources["tasks"], {"title": "x", **values}, parent=UUID(project["id"])
    )
    [said] = told
    return [one.rpartition(" ")[0] + (" notice" if one[-2:] != " 0" else "") for one in said.split(",")]


async def test_a_plain_create_wakes_its_stream_and_triggers_tell_only_of_others(
    database: Database, people: People, ada: Person
) -> None:
    project = await ada.project()
    bob = await people.member(project, ada, "member", "Bob")

    assert [f"project {project['id']}"] == await told_by(database, ada, project)
    assert [f"project {project['id']}", f"user {bob.id} notice"] == await told_by(
        database, ada, project, assignee_id=bob.id
    )
