"""Many searches of one user: they wait for each other, and nobody else for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from monynha.infra.postgres.heavy_reads import MAX_RUNNING_PER_USER, MAX_WAITING_PER_USER
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

MAX_DELAY_S = 2.5


async def test_searches_of_one_user_hold_up_neither_writes_nor_searches_of_others(
    users: UserFactory, user: ApiUser, owner_sql: Callable[..., Awaitable[list[Any]]]
) -> None:
    project = await user.create_project()
    await owner_sql(
        "insert into public.tasks (project_id, title, description) "
        "select $1, 'Task ' || number, repeat(md5(number::text), 300) from generate_series(1, 300) number",
        project["id"],
    )
    other = await users.create("Bob")
    other_project = await other.create_project()
    searches = [asyncio.create_task(user.get(f"/tasks?q=absent{number}&count=exact")) for number in range(60)]
    await asyncio.sleep(0.05)
    delays_s = []
    for _ in range(10):
        started_at = time.monotonic()
        await other.create_task(other_project)
        assert (await other.get("/tasks?q=task")).status_code == 200
        delays_s.append(time.monotonic() - started_at)
    responses = await asyncio.gather(*searches)

    assert max(delays_s) < MAX_DELAY_S
    assert {response.status_code for response in responses} == {200, 429}
    refused = [response for response in responses if response.status_code == 429]
    assert {response.json()["error"]["code"] for response in refused} == {"RATE_LIMITED"}
    assert "costly queries" in refused[0].json()["error"]["message"]
    assert all(response.headers["retry-after"] == "1" for response in refused)
    assert len(responses) - len(refused) >= MAX_RUNNING_PER_USER + MAX_WAITING_PER_USER
