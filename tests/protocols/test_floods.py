"""Much at once: whoever was away for long hears all of it, as fast as they read."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from tests.live import OwnerSql, line
from tests.people import Person

pytestmark = pytest.mark.anyio

MISSED = 6000
_FLOOD = """
insert into public.tasks (project_id, title, description)
select $1::uuid, 'T' || n, repeat('d', 500) from generate_series(1, $2::int) n
"""


async def flooded(ada: Person, owner_sql: OwnerSql) -> str:
    """Return a project in which more has happened than a socket's buffers hold."""
    project: str = (await ada.project())["id"]
    await owner_sql(_FLOOD, project, MISSED)
    return project


async def test_a_socket_that_was_away_for_long_hears_all_it_missed(
    address: str, ada: Person, owner_sql: OwnerSql
) -> None:
    project = await flooded(ada, owner_sql)
    async with line(address, ada) as socket:
        await socket.say("resume", projectId=project, version=2)
        await socket.hear("resumed")
        await asyncio.sleep(0.5)
        late = await ada.task({"id": project})

        versions = [(await socket.hear("task_created"))["version"] for _ in range(MISSED + 1)]

        assert list(range(3, MISSED + 4)) == versions
        await ada.delete(f"/tasks/{late['id']}")
        assert MISSED + 4 == (await socket.hear("task_deleted"))["version"]


async def test_an_event_stream_tells_all_that_was_missed(
    address: str, ada: Person, owner_sql: OwnerSql
) -> None:
    project = await flooded(ada, owner_sql)
    versions: list[int] = []
    headers = {"authorization": f"Bearer {ada.token}"}
    async with (
        httpx.AsyncClient(base_url=f"http://{address}/api/v1", timeout=10) as client,
        client.stream("GET", f"/projects/{project}/events?since=2", headers=headers) as answer,
    ):
        async for text in answer.aiter_lines():
            if text.startswith("data: "):
                versions.append(json.loads(text[6:])["version"])
            if len(versions) == MISSED:
                break

    assert list(range(3, MISSED + 3)) == versions


async def test_who_reads_nothing_costs_no_more_than_its_buffers(
    address: str, ada: Person, owner_sql: OwnerSql
) -> None:
    project = await flooded(ada, owner_sql)
    async with line(address, ada) as idle, line(address, ada) as quick:
        idle.connection.transport.pause_reading()
        await idle.say("resume", projectId=project, version=2)
        await quick.join({"id": project})

        await ada.task({"id": project})

        assert MISSED + 3 == (await quick.hear("task_created"))["version"]
        idle.connection.transport.resume_reading()
        await idle.hear("resumed")
        versions = [(await idle.hear("task_created"))["version"] for _ in range(MISSED + 1)]
        assert list(range(3, MISSED + 4)) == versions
