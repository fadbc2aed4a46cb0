"""Partitions of the event log: created ahead, dropped by age, and what a client that was away longer receives."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from monynha.app.commands.keys import make_key
from monynha.app.maintenance.event_log_maintenance import run_event_log_maintenance
from monynha.core.errors import AppError
from monynha.core.settings.settings import Settings
from monynha.engine.realtime.event_log import EventLog, Stream
from monynha.engine.realtime.resume_token import encode_resume_token
from monynha.infra.embedded import ServerUrls
from monynha.infra.postgres.database import Database
from tests.conditions import TIMEOUT_S
from tests.live_server import OwnerSql, ws_client
from tests.phoenix_client import phoenix_client, tasks_binding
from tests.protocols.rest.test_sse import open_stream
from tests.users import ApiUser

pytestmark = pytest.mark.anyio

_LONG_AGO = datetime(2020, 1, 15, tzinfo=UTC)
_PARTITIONS = "select inhrelid::regclass::text from pg_inherits where inhparent = 'monynha.events'::regclass"
_MONTH_LONG_AGO = """
create table monynha.events_2020_01 partition of monynha.events
for values from ('2020-01-01') to ('2020-02-01')
"""


@pytest.fixture
def event_log(database: Database) -> EventLog:
    return EventLog(database)


async def partitions(owner_sql: OwnerSql) -> set[str]:
    return {row[0] for row in await owner_sql(_PARTITIONS)}


async def backdate(owner_sql: OwnerSql, project: dict[str, Any], versions: list[int], at: datetime) -> None:
    """Change the time of events."""
    await owner_sql(
        "update monynha.events set at = $3 where kind = 'project' and stream = $1 and version = any ($2)",
        project["id"],
        versions,
        at,
    )


async def project_with_old_events(user: ApiUser, owner_sql: OwnerSql) -> dict[str, Any]:
    """Return a project with three events of 2020, one of 31 days ago, and one of 29 days ago."""
    project = await user.create_project()
    for _ in range(3):
        await user.create_task(project)
    await owner_sql(_MONTH_LONG_AGO)
    await backdate(owner_sql, project, [1, 2, 3], _LONG_AGO)
    await backdate(owner_sql, project, [4], datetime.now(UTC) - timedelta(days=31))
    await backdate(owner_sql, project, [5], datetime.now(UTC) - timedelta(days=29))
    return project


async def versions(owner_sql: OwnerSql, project: dict[str, Any]) -> list[int]:
    rows = await owner_sql(
        "select version from monynha.events where kind = 'project' and stream = $1 order by version",
        project["id"],
    )
    return [row["version"] for row in rows]


async def test_events_older_than_the_setting_are_dropped_by_month(
    user: ApiUser, owner_sql: OwnerSql, event_log: EventLog
) -> None:
    project = await project_with_old_events(user, owner_sql)

    before = await versions(owner_sql, project)
    assert await event_log.maintain_partitions(retention_days=None)
    without_retention = await versions(owner_sql, project)
    assert await event_log.maintain_partitions(retention_days=30)

    assert before == without_retention == [1, 2, 3, 4, 5]
    assert await versions(owner_sql, project) == [5]
    assert "monynha.events_2020_01" not in await partitions(owner_sql)


async def test_client_that_was_away_longer_must_reload_in_every_protocol(
    address: str, user: ApiUser, owner_sql: OwnerSql, event_log: EventLog, settings: Settings
) -> None:
    project = await project_with_old_events(user, owner_sql)
    stream = Stream("project", UUID(project["id"]))
    await event_log.maintain_partitions(retention_days=30)
    key = make_key("anon", settings.jwt_secret)

    for since, is_resumed in ((3, False), (4, True)):
        async with ws_client(address, user) as socket:
            await socket.send("resume", projectId=project["id"], version=since)
            ws_message = await socket.receive()
        async with open_stream(address, user, f"/projects/{project['id']}/events?since={since}") as sse_reader:
            sse_event = await sse_reader.next()
        async with phoenix_client(address, key) as channel:
            user_version = await event_log.fetch_versions([Stream("user", user.id)])
            join_reply = await channel.join(
                "a",
                user.token,
                tasks_binding(filter=f"project_id=eq.{project['id']}"),
                since=encode_resume_token({**user_version, stream: since}),
            )

        assert ws_message["type"] == ("resumed" if is_resumed else "ask_again")
        assert sse_event["event"] == ("task_created" if is_resumed else "ask_again")
        assert join_reply["resumed"] is is_resumed


async def test_partitions_of_the_coming_months_are_created(owner_sql: OwnerSql, event_log: EventLog) -> None:
    last_partition = max(name for name in await partitions(owner_sql) if "default" not in name)
    await owner_sql(f"drop table {last_partition}")

    task = asyncio.create_task(run_event_log_maintenance(event_log, retention_days=None, first_run_delay_s=0))
    async with asyncio.timeout(TIMEOUT_S):
        while last_partition not in await partitions(owner_sql):
            await asyncio.sleep(0.05)
    task.cancel()

    row_security = await owner_sql(
        "select relrowsecurity and relforcerowsecurity from pg_class where oid = $1::text::regclass",
        last_partition,
    )
    assert row_security[0][0]


async def test_only_one_process_maintains_the_log_at_a_time(event_log: EventLog, running_servers: ServerUrls) -> None:
    other_connection = await asyncpg.connect(running_servers.owner_url)
    try:
        async with other_connection.transaction():
            await other_connection.execute("select pg_advisory_xact_lock(7366531005)")
            results = [await event_log.maintain_partitions(retention_days=days) for days in (None, 30)]
        results.append(await event_log.maintain_partitions(retention_days=None))
    finally:
        await other_connection.close()

    assert results == [False, False, True]


async def test_maintenance_does_not_wait_long_for_a_reader(
    user: ApiUser, owner_sql: OwnerSql, event_log: EventLog, running_servers: ServerUrls
) -> None:
    project = await project_with_old_events(user, owner_sql)
    other_connection = await asyncpg.connect(running_servers.owner_url)
    try:
        async with other_connection.transaction():
            await other_connection.execute("set local role monynha_owner")
            await other_connection.fetch("select 1 from monynha.events limit 1")
            with pytest.raises(AppError):
                await asyncio.wait_for(event_log.maintain_partitions(retention_days=30), 8)
    finally:
        await other_connection.close()

    assert await versions(owner_sql, project) == [1, 2, 3, 4, 5]
    assert await event_log.maintain_partitions(retention_days=30)
    assert await versions(owner_sql, project) == [5]
