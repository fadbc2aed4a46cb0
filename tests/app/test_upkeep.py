"""What is kept and what is forgotten of the history, and what those hear who were away for longer."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from monynha.app.commands.keys import make_key
from monynha.app.upkeep import keep_house
from monynha.core.errors import Fault
from monynha.core.settings import Settings
from monynha.engine.history import History, Stream
from monynha.engine.position import write_position
from monynha.infra.embedded import Servers
from monynha.infra.postgres.database import Database
from tests.live import OwnerSql, line
from tests.people import Person
from tests.phoenix import phoenix, tasks
from tests.protocols.rest.test_events import reading

pytestmark = pytest.mark.anyio

_LONG_AGO = datetime(2020, 1, 15, tzinfo=UTC)
_PARTITIONS = "select inhrelid::regclass::text from pg_inherits where inhparent = 'monynha.events'::regclass"
_MONTH_LONG_AGO = """
create table monynha.events_2020_01 partition of monynha.events
for values from ('2020-01-01') to ('2020-02-01')
"""


@pytest.fixture
def history(database: Database) -> History:
    return History(database)


async def partitions(owner_sql: OwnerSql) -> set[str]:
    return {row[0] for row in await owner_sql(_PARTITIONS)}


async def move(owner_sql: OwnerSql, project: dict[str, Any], versions: list[int], at: datetime) -> None:
    """Let events have happened at another time."""
    await owner_sql(
        "update monynha.events set at = $3 where kind = 'project' and stream = $1 and version = any ($2)",
        project["id"],
        versions,
        at,
    )


async def aged(ada: Person, owner_sql: OwnerSql) -> dict[str, Any]:
    """Return a project whose first events were long ago, another 31 days ago, and the last 29."""
    project = await ada.project()
    for _ in range(3):
        await ada.task(project)
    await owner_sql(_MONTH_LONG_AGO)
    await move(owner_sql, project, [1, 2, 3], _LONG_AGO)
    await move(owner_sql, project, [4], datetime.now(UTC) - timedelta(days=31))
    await move(owner_sql, project, [5], datetime.now(UTC) - timedelta(days=29))
    return project


async def versions(owner_sql: OwnerSql, project: dict[str, Any]) -> list[int]:
    rows = await owner_sql(
        "select version from monynha.events where kind = 'project' and stream = $1 order by version",
        project["id"],
    )
    return [row["version"] for row in rows]


async def test_what_is_older_than_the_setting_is_forgotten_months_at_once(
    ada: Person, owner_sql: OwnerSql, history: History
) -> None:
    project = await aged(ada, owner_sql)

    before = await versions(owner_sql, project)
    assert await history.keep_house(kept_days=None)
    without_setting = await versions(owner_sql, project)
    assert await history.keep_house(kept_days=30)

    assert [1, 2, 3, 4, 5] == before == without_setting
    assert [5] == await versions(owner_sql, project)
    assert "monynha.events_2020_01" not in await partitions(owner_sql)


async def test_who_was_away_for_longer_is_told_to_ask_again_on_every_wire(
    address: str, ada: Person, owner_sql: OwnerSql, history: History, settings: Settings
) -> None:
    project = await aged(ada, owner_sql)
    stream = Stream("project", UUID(project["id"]))
    await history.keep_house(kept_days=30)
    key = make_key("anon", settings.jwt_secret)

    for since, is_told_all in ((3, False), (4, True)):
        async with line(address, ada) as socket:
            await socket.say("resume", projectId=project["id"], version=since)
            by_socket = await socket.hear()
        async with reading(address, ada, f"/projects/{project['id']}/events?since={since}") as reader:
            by_stream = await reader.next()
        async with phoenix(address, key) as channel:
            own = await history.versions([Stream("user", ada.id)])
            by_phoenix = await channel.join(
                "a",
                ada.token,
                tasks(filter=f"project_id=eq.{project['id']}"),
                since=write_position({**own, stream: since}),
            )

        assert ("resumed" if is_told_all else "ask_again") == by_socket["type"]
        assert ("task_created" if is_told_all else "ask_again") == by_stream["event"]
        assert is_told_all is by_phoenix["resumed"]


async def test_there_is_room_for_the_months_to_come(owner_sql: OwnerSql, history: History) -> None:
    last = max(name for name in await partitions(owner_sql) if "default" not in name)
    await owner_sql(f"drop table {last}")

    keeping = asyncio.create_task(keep_house(history, kept_days=None, first_after_s=0))
    async with asyncio.timeout(5):
        while last not in await partitions(owner_sql):
            await asyncio.sleep(0.05)
    keeping.cancel()

    forced = await owner_sql(
        "select relrowsecurity and relforcerowsecurity from pg_class where oid = $1::text::regclass", last
    )
    assert forced[0][0]


async def test_while_one_keeps_house_the_others_do_not(history: History, running_servers: Servers) -> None:
    another = await asyncpg.connect(running_servers.owner_url)
    try:
        async with another.transaction():
            await another.execute("select pg_advisory_xact_lock(7366531005)")
            found = [await history.keep_house(kept_days=days) for days in (None, 30)]
        found.append(await history.keep_house(kept_days=None))
    finally:
        await another.close()

    assert [False, False, True] == found


async def test_nobody_who_reads_is_waited_for_while_others_want_to_write(
    ada: Person, owner_sql: OwnerSql, history: History, running_servers: Servers
) -> None:
    project = await aged(ada, owner_sql)
    another = await asyncpg.connect(running_servers.owner_url)
    try:
        async with another.transaction():
            await another.execute("set local role monynha_owner")
            await another.fetch("select 1 from monynha.events limit 1")
            with pytest.raises(Fault):
                await asyncio.wait_for(history.keep_house(kept_days=30), 8)
    finally:
        await another.close()

    assert [1, 2, 3, 4, 5] == await versions(owner_sql, project)
    assert await history.keep_house(kept_days=30)
    assert [5] == await versions(owner_sql, project)
