"""Old events: read page by page, deleted by day and only as many as were read; partitions of the table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from monynha.core.actor import system_actor
from monynha.engine.realtime.event_retention import EventRetention, EventsChangedError
from monynha.infra.postgres.database import Database
from tests.live_server import OwnerSql

pytestmark = pytest.mark.anyio

DAY = date(2019, 3, 31)
MIDNIGHT = datetime(2019, 3, 31, tzinfo=UTC)
_PARTITIONS = "select inhrelid::regclass::text from pg_inherits where inhparent = 'monynha.events'::regclass"
_INSERT = """
insert into monynha.events (kind, stream, version, at, resource, verb, row_id, new, actor)
select $1, $2, v.version, $3, 'tasks', 'insert', $2, jsonb_build_object('title', 'A'), null
from unnest($4::bigint[]) as v (version)
"""


@pytest.fixture
async def retention(database: Database, owner_sql: OwnerSql) -> EventRetention:
    await owner_sql("delete from monynha.events where at < '2020-01-01'")
    return EventRetention(database, page_size=3)


async def insert(
    owner_sql: OwnerSql, stream: UUID, at: datetime, versions: Sequence[int], kind: str = "project"
) -> None:
    await owner_sql(_INSERT, kind, stream, at, list(versions))


async def partitions(owner_sql: OwnerSql) -> set[str]:
    return {row[0] for row in await owner_sql(_PARTITIONS)}


async def test_a_day_is_read_in_pages_without_gaps_or_repetitions(
    retention: EventRetention, owner_sql: OwnerSql
) -> None:
    """Also where streams end within a page, and where two kinds of streams have the same id."""
    streams = sorted(uuid4() for _ in range(3))
    for stream, count in zip(streams, (4, 1, 5), strict=True):
        await insert(owner_sql, stream, MIDNIGHT + timedelta(hours=3), range(1, count + 1))
    await insert(owner_sql, streams[0], MIDNIGHT + timedelta(hours=4), [1, 2], "user")
    for at in (MIDNIGHT - timedelta(microseconds=1), MIDNIGHT + timedelta(days=1)):
        await insert(owner_sql, uuid4(), at, [1])

    pages = [page async for page in retention.read_day(DAY)]

    events = [json.loads(line) for page in pages for line in page]
    assert [len(page) for page in pages] == [3, 3, 3, 3]
    assert [(event["stream"], event["kind"], event["version"]) for event in events] == [
        *((str(streams[0]), "project", version) for version in range(1, 5)),
        *((str(streams[0]), "user", version) for version in (1, 2)),
        (str(streams[1]), "project", 1),
        *((str(streams[2]), "project", version) for version in range(1, 6)),
    ]
    assert {"\n" in line for page in pages for line in page} == {False}


async def test_the_oldest_day_is_one_in_utc(retention: EventRetention, owner_sql: OwnerSql) -> None:
    assert await retention.fetch_oldest_day(MIDNIGHT) is None

    await insert(owner_sql, uuid4(), MIDNIGHT - timedelta(microseconds=1), [1])
    await insert(owner_sql, uuid4(), MIDNIGHT, [1])

    assert await retention.fetch_oldest_day(MIDNIGHT) == DAY - timedelta(days=1)
    assert await retention.fetch_oldest_day(MIDNIGHT - timedelta(days=1)) is None


async def test_a_day_is_deleted_as_it_was_read_or_not_at_all(retention: EventRetention, owner_sql: OwnerSql) -> None:
    stream = uuid4()
    await insert(owner_sql, stream, MIDNIGHT, [1, 2])
    await insert(owner_sql, stream, MIDNIGHT + timedelta(days=1), [3])

    with pytest.raises(EventsChangedError):
        await retention.delete_day(DAY, expected=1)
    after_refusal = await owner_sql("select version from monynha.events where stream = $1 order by 1", stream)
    await retention.delete_day(DAY, expected=2)

    assert [row["version"] for row in after_refusal] == [1, 2, 3]
    rows = await owner_sql("select version from monynha.events where stream = $1", stream)
    assert [row["version"] for row in rows] == [3]


async def test_partitions_of_the_coming_months_are_created(owner_sql: OwnerSql, database: Database) -> None:
    last_partition = max(name for name in await partitions(owner_sql) if "default" not in name)
    await owner_sql(f"drop table {last_partition}")

    await EventRetention(database).maintain_partitions(None)

    row_security = await owner_sql(
        "select relrowsecurity and relforcerowsecurity from pg_class where oid = $1::text::regclass",
        last_partition,
    )
    assert row_security[0][0]


async def test_a_partition_with_events_is_not_dropped(retention: EventRetention, owner_sql: OwnerSql) -> None:
    await owner_sql(
        "create table monynha.events_2019_03 partition of monynha.events "
        "for values from ('2019-03-01') to ('2019-04-01')"
    )
    await insert(owner_sql, uuid4(), MIDNIGHT, [1])

    await retention.maintain_partitions(datetime(2019, 4, 1, tzinfo=UTC))
    with_event = await partitions(owner_sql)
    await owner_sql("delete from monynha.events_2019_03")
    await retention.maintain_partitions(datetime(2019, 3, 31, 23, 59, tzinfo=UTC))
    within_month = await partitions(owner_sql)
    await retention.maintain_partitions(datetime(2019, 4, 1, tzinfo=UTC))

    name = "monynha.events_2019_03"
    assert (name in with_event, name in within_month, name in await partitions(owner_sql)) == (True, True, False)


async def test_no_other_part_of_the_program_reads_events_as_the_clean_up(
    retention: EventRetention, owner_sql: OwnerSql, database: Database
) -> None:
    await insert(owner_sql, uuid4(), MIDNIGHT, [1])

    async with database.as_actor(system_actor("jobs")).transaction() as transaction:
        rows = await transaction.fetch_rows("select kind from monynha.events")

    assert rows == []
