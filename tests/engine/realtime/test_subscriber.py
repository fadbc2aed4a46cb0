"""Back-pressure: missed events arrive completely, as fast as the client reads, and delay nobody else."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.live_server import OwnerSql, ws_client
from tests.users import ApiUser

pytestmark = pytest.mark.anyio

MISSED_EVENTS = 6000
LARGE_EVENTS = 150
_INSERT_TASKS_SQL = """
insert into public.tasks (project_id, title, description)
select $1::uuid, 'T' || n, repeat('d', $3::int) from generate_series(1, $2::int) n
"""


async def project_with_many_events(
    user: ApiUser, owner_sql: OwnerSql, *, count: int = MISSED_EVENTS, size: int = 500
) -> str:
    """Return the id of a project with more events than the buffers of a socket hold."""
    project: str = (await user.create_project())["id"]
    await owner_sql(_INSERT_TASKS_SQL, project, count, size)
    return project


async def test_client_that_reconnects_late_receives_every_missed_event(
    address: str, user: ApiUser, owner_sql: OwnerSql
) -> None:
    project = await project_with_many_events(user, owner_sql)
    async with ws_client(address, user) as client:
        await client.send("resume", projectId=project, version=2)
        await client.receive("resumed")
        # Wherever the replay is by now, the new event comes last.
        late_task = await user.create_task({"id": project})

        versions = [(await client.receive("task_created"))["version"] for _ in range(MISSED_EVENTS + 1)]

        assert versions == list(range(3, MISSED_EVENTS + 4))
        await user.delete(f"/tasks/{late_task['id']}")
        assert (await client.receive("task_deleted"))["version"] == MISSED_EVENTS + 4


async def test_large_events_do_not_disconnect_a_client_that_reads(
    address: str, user: ApiUser, owner_sql: OwnerSql
) -> None:
    project = await project_with_many_events(user, owner_sql, count=LARGE_EVENTS, size=100_000)
    async with ws_client(address, user) as client:
        await client.send("resume", projectId=project, version=2)
        await client.receive("resumed")

        versions = [(await client.receive("task_created"))["version"] for _ in range(LARGE_EVENTS)]

    assert versions == list(range(3, LARGE_EVENTS + 3))


@pytest.mark.parametrize(("count", "size"), [(MISSED_EVENTS, 500), (LARGE_EVENTS, 100_000)], ids=["many", "large"])
async def test_sse_replays_every_missed_event(
    address: str, user: ApiUser, owner_sql: OwnerSql, count: int, size: int
) -> None:
    project = await project_with_many_events(user, owner_sql, count=count, size=size)
    versions: list[int] = []
    headers = {"authorization": f"Bearer {user.token}"}
    async with (
        httpx.AsyncClient(base_url=f"http://{address}/api/v1", timeout=10) as client,
        client.stream("GET", f"/projects/{project}/events?since=2", headers=headers) as response,
    ):
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                versions.append(json.loads(line[6:])["version"])
            if len(versions) == count:
                break

    assert versions == list(range(3, count + 3))


async def test_client_that_reads_nothing_delays_nobody(address: str, user: ApiUser, owner_sql: OwnerSql) -> None:
    project = await project_with_many_events(user, owner_sql)
    async with ws_client(address, user) as idle_client, ws_client(address, user) as fast_client:
        idle_client.connection.transport.pause_reading()
        await idle_client.send("resume", projectId=project, version=2)
        await fast_client.join({"id": project})

        await user.create_task({"id": project})

        assert (await fast_client.receive("task_created"))["version"] == MISSED_EVENTS + 3
        idle_client.connection.transport.resume_reading()
        await idle_client.receive("resumed")
        versions = [(await idle_client.receive("task_created"))["version"] for _ in range(MISSED_EVENTS + 1)]
        assert versions == list(range(3, MISSED_EVENTS + 4))
