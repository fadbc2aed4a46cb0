"""The status and the effect of any write request by any user are what the rights table says."""

from __future__ import annotations

import copy
import os
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from monynha.infra.embedded import ServerUrls
from tests.laws.dataset import Rows, create_dataset, fetch_all_rows, owner_connection
from tests.laws.random_writes import DrawnWrite, drawn_writes, resolve_write
from tests.laws.write_oracle import WriteOracle, WriteRequest
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

EXAMPLES = int(os.environ.get("MONYNHA_TEST_EXAMPLES", "20"))
COMPARED_FIELDS = {
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


async def fetch_rows(owner: asyncpg.Connection[Any], users: list[ApiUser]) -> Rows:
    """Return the rows owned by the users, without times."""
    rows = await fetch_all_rows(owner, users)
    return {
        plural: [{name: row[name] for name in COMPARED_FIELDS[plural]} for row in resource_rows]
        for plural, resource_rows in rows.items()
    }


def without_order(rows: Rows) -> dict[str, list[str]]:
    """Return rows in a form that can be compared regardless of their order."""
    return {plural: sorted(str(sorted(row.items())) for row in resource_rows) for plural, resource_rows in rows.items()}


async def perform(user: ApiUser, request: WriteRequest) -> tuple[int, str]:
    """Send the request; return the status and the id of the created row."""
    response = await user.request(request.method, request.path, json=request.body, params=request.params)
    created_id = response.json()["data"].get("id", "") if response.status_code == 201 else ""
    return response.status_code, created_id


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="MONYNHA_TEST_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 9999), drawn_requests=st.lists(drawn_writes(), min_size=10, max_size=25))
async def test_random_writes_have_the_status_and_effect_that_the_rights_table_says(
    users: UserFactory, running_servers: ServerUrls, seed: int, drawn_requests: list[DrawnWrite]
) -> None:
    dataset = await create_dataset(users, running_servers.owner_url, seed=seed, size=5)
    everyone = [*dataset.users, dataset.admin]
    user_ids = [str(user.id) for user in everyone]
    async with owner_connection(running_servers.owner_url) as connection:
        rows = await fetch_rows(connection, everyone)
        for drawn in drawn_requests:
            user = everyone[drawn.actor_index % len(everyone)]
            request = resolve_write(drawn, rows, user_ids)

            status, created_id = await perform(user, request)
            oracle = WriteOracle(str(user.id), user is dataset.admin, copy.deepcopy(rows), created_id)
            expected = oracle.apply(request)
            actual = await fetch_rows(connection, everyone)

            assert status == expected, request
            assert without_order(actual) == without_order(oracle.rows), request
            rows = actual
            event(f"{request.kind} {status}")
