"""The audit log of one test: what it recorded, and the admin who looks at it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from tests.live_server import OwnerSql
from tests.users import ApiUser, UserFactory

RecordedEvents = Callable[..., Awaitable[list[dict[str, Any]]]]


@pytest.fixture
async def admin(users: UserFactory) -> ApiUser:
    """Return a system admin."""
    return await users.create("Root", is_admin=True)


@pytest.fixture
def recorded_events(owner_sql: OwnerSql) -> RecordedEvents:
    """Return a function that reads the events about an id, oldest first: of an actor, a target, or in the details."""

    async def read(id: object) -> list[dict[str, Any]]:
        rows = await owner_sql(
            "select * from monynha.audit_events "
            "where actor_id::text = $1 or target_id = $1 or details::text like '%' || $1 || '%' order by number",
            str(id),
        )
        return [{**row, "details": orjson.loads(row["details"])} for row in rows]

    return read
