"""What the history is looked into for, beside its streams: what happened to a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.live import OwnerSql
from tests.people import Person

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
