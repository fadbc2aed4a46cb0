"""Whatever anybody does, the answer and the rows after it are what the table of rights says."""

from __future__ import annotations

import copy
import os
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from monynha.infra.embedded import Servers
from tests.laws.deeds import Drawn, drawn, settled
from tests.laws.judge import Deed, Judge
from tests.laws.world import Rows, make_world, owning, rows_of
from tests.people import People, Person

pytestmark = pytest.mark.anyio

EXAMPLES = int(os.environ.get("MONYNHA_TEST_EXAMPLES", "20"))
KEPT = {
    "users": ("id", "name"),
    "posts": ("id", "title", "content", "authorId"),
    "projects": ("id", "name", "description", "ownerId", "status"),
    "members": ("projectId", "userId", "role"),
    "tasks": (
        "id",
        "projectId",
        "title",
        "description",
        "status",
        "priority",
        "assigneeId",
        "dueDate",
    ),
}


async def board_of(owner: asyncpg.Connection[Any], people: list[Person]) -> Rows:
    """Return what belongs to those people, without times."""
    rows = await rows_of(owner, people)
    return {
        plural: [{name: one[name] for name in KEPT[plural]} for one in some] for plural, some in rows.items()
    }


def unordered(rows: Rows) -> dict[str, list[str]]:
    """Return rows in a form that does not know their order."""
    return {plural: sorted(str(sorted(one.items())) for one in some) for plural, some in rows.items()}


async def did(person: Person, deed: Deed) -> tuple[int, str]:
    """Do it, and return the status and the id of what was made."""
    answer = await person.ask(deed.method, deed.path, json=deed.body, params=deed.params)
    made = answer.json()["data"].get("id", "") if answer.status_code == 201 else ""
    return answer.status_code, made


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="MONYNHA_TEST_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 9999), deeds=st.lists(drawn(), min_size=10, max_size=25))
async def test_a_deed_does_what_the_table_of_rights_says(
    people: People, running_servers: Servers, seed: int, deeds: list[Drawn]
) -> None:
    world = await make_world(people, running_servers.owner_url, seed=seed, size=5)
    crowd = [*world.people, world.admin]
    ids = [str(one.id) for one in crowd]
    async with owning(running_servers.owner_url) as connection:
        rows = await board_of(connection, crowd)
        for one in deeds:
            person = crowd[one.who % len(crowd)]
            deed = settled(one, rows, ids)

            status, made = await did(person, deed)
            judge = Judge(str(person.id), person is world.admin, copy.deepcopy(rows), made)
            expected = judge.judged(deed)
            actual = await board_of(connection, crowd)

            assert (expected, deed) == (status, deed)
            assert unordered(judge.rows) == unordered(actual), deed
            rows = actual
            event(f"{deed.kind} {status}")
