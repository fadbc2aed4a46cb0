"""What the generated triggers report to the program, and that the event log's indexes serve its queries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from monynha.app.composition.catalog import CATALOG
from monynha.engine.mutation.mutations import Mutations
from monynha.engine.query.compiler import Compiler
from monynha.engine.query.queries import Queries
from monynha.infra.postgres.database import Database
from monynha.infra.postgres.stream_version import StreamVersion
from tests.live_server import OwnerSql
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

_INSERT_EVENTS_SQL = """
insert into monynha.events (kind, stream, version, at, resource, verb, row_id)
select 'project', $1, 100 + n, now(), 'tasks', 'update', gen_random_uuid() from generate_series(1, 5000) n
"""
Condition = Callable[[ApiUser, dict[str, Any]], str]
CONDITIONS: list[Condition] = [
    lambda user, project: f"e.resource = 'users' and e.row_id = '{user.id}'",
    lambda user, project: (
        f"e.kind = 'project' and e.stream = '{project['id']}' "
        f"and e.resource = 'members' and e.row_id = '{user.id}' and e.verb = 'insert'"
    ),
]


@pytest.mark.parametrize("condition", CONDITIONS, ids=["to erase personal data", "to find when a member joined"])
async def test_events_of_a_user_are_found_through_an_index(
    user: ApiUser, owner_sql: OwnerSql, condition: Condition
) -> None:
    project = await user.create_project()
    await owner_sql(_INSERT_EVENTS_SQL, project["id"])
    await owner_sql("analyze monynha.events")
    lines = await owner_sql(f"explain select from monynha.events e where {condition(user, project)}")
    await owner_sql("delete from monynha.events where stream = $1 and version > 100", project["id"])

    assert "_row_id_at_idx" in "\n".join(line[0] for line in lines)


async def streams_written_by_create(
    database: Database, user: ApiUser, project: dict[str, Any], **values: object
) -> list[str]:
    """Return the streams that creating a task reports, with `notice` for those that a trigger reported."""
    written: list[StreamVersion] = []
    connection = database.as_actor(user.actor).with_on_commit(written.extend)
    mutations = Mutations(Queries(Compiler()))
    await mutations.create(
        connection, CATALOG.resources["tasks"], {"title": "x", **values}, parent_id=UUID(project["id"])
    )
    return [f"{stream.kind} {stream.id}{'' if stream.version is None else ' notice'}" for stream in written]


async def test_plain_create_reports_its_own_stream_without_a_notice(
    database: Database, users: UserFactory, user: ApiUser
) -> None:
    project = await user.create_project()
    member = await users.create_member(project, user, "member", "Bob")

    assert await streams_written_by_create(database, user, project) == [f"project {project['id']}"]
    assert await streams_written_by_create(database, user, project, assignee_id=member.id) == [
        f"project {project['id']}",
        f"user {member.id} notice",
    ]
