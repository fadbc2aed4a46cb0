"""Old events: stored as files and then deleted, and what a client that was away longer receives."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from monynha.app.commands.keys import make_key
from monynha.app.maintenance.event_archive import EventArchive
from monynha.core.settings.settings import Settings
from monynha.engine.realtime.event_log import EventLog, Stream
from monynha.engine.realtime.event_retention import EventRetention, EventsChangedError
from monynha.engine.realtime.resume_token import encode_resume_token
from monynha.infra.embedded import ServerUrls
from monynha.infra.postgres.database import Database
from monynha.infra.postgres.errors import LockTimeoutError
from monynha.infra.storage.local_store import LocalStore
from tests.live_server import OwnerSql, ws_client
from tests.phoenix_client import phoenix_client, tasks_binding
from tests.protocols.rest.test_sse import open_stream
from tests.users import ApiUser

pytestmark = pytest.mark.anyio

_LONG_AGO = datetime(2020, 1, 15, tzinfo=UTC)
_PARTITIONS = "select inhrelid::regclass::text from pg_inherits where inhparent = 'monynha.events'::regclass"
_MONTH_LONG_AGO = """
create table if not exists monynha.events_2020_01 partition of monynha.events
for values from ('2020-01-01') to ('2020-02-01')
"""


@dataclass(frozen=True)
class WatchedStore(LocalStore):
    """An object store in a folder, which first does what a test wants to happen before a file is stored."""

    before_storing: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    async def put(self, key: str, body: bytes | AsyncIterable[bytes | bytearray]) -> int:
        """Store an object."""
        while self.before_storing:
            await self.before_storing.pop()()
        return await super().put(key, body)

    def paths(self) -> list[Path]:
        """Return the paths of all files."""
        return sorted(self.root.rglob("*.gz"))

    def files(self) -> dict[str, list[dict[str, Any]]]:
        """Return the events of each file by its key without the digest."""
        keys = [str(path.relative_to(self.root)).rpartition("-")[0] for path in self.paths()]
        return dict(zip(keys, self.all_events(), strict=True))

    def all_events(self) -> list[list[dict[str, Any]]]:
        """Return the events of each file."""
        texts = [gzip.decompress(path.read_bytes()).decode() for path in self.paths()]
        return [[json.loads(line) for line in text.splitlines()] for text in texts]


@pytest.fixture
def event_log(database: Database) -> EventLog:
    return EventLog(database)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[WatchedStore]:
    LocalStore.open(tmp_path)
    store = WatchedStore(tmp_path)
    yield store
    await store.close()


@pytest.fixture
async def archive(database: Database, store: WatchedStore) -> EventArchive:
    return EventArchive(EventRetention(database, page_size=2), store)


@pytest.fixture
async def now(owner_sql: OwnerSql) -> datetime:
    """Return the time, when the events of earlier tests are gone."""
    await owner_sql("delete from monynha.events where at < now() - interval '1 day'")
    return datetime.now(UTC)


def days_before(now: datetime, days: int) -> datetime:
    return now - timedelta(days=days)


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


async def test_events_of_days_before_the_cutoff_are_stored_and_deleted(
    user: ApiUser, owner_sql: OwnerSql, archive: EventArchive, store: WatchedStore, now: datetime
) -> None:
    project = await project_with_old_events(user, owner_sql)
    rows = await owner_sql(
        "select kind, stream, version, resource, verb, row_id, new, old, actor from monynha.events "
        "where stream = $1 and kind = 'project' order by version",
        project["id"],
    )

    archived = await archive.archive_before(days_before(now, 30))

    assert archived == 4
    assert await versions(owner_sql, project) == [5]
    assert "monynha.events_2020_01" not in await partitions(owner_sql)
    files = store.files()
    day = days_before(now, 31)
    assert list(files) == ["archive/events/2020/01/2020-01-15", f"archive/events/{day:%Y/%m}/{day:%Y-%m-%d}"]
    events = [event for events in files.values() for event in events]
    assert [
        (e["kind"], e["stream"], e["version"], e["resource"], e["verb"], e["rowId"], e["new"], e["old"], e["actor"])
        for e in events
    ] == [
        (
            *(row["kind"], str(row["stream"]), row["version"], row["resource"], row["verb"], str(row["row_id"])),
            *(row["new"] and json.loads(row["new"]), row["old"] and json.loads(row["old"]), str(row["actor"])),
        )
        for row in rows[:4]
    ]
    assert {datetime.fromisoformat(event["at"]).date() for event in events} == {_LONG_AGO.date(), day.date()}


async def test_an_event_of_the_day_of_the_cutoff_is_kept(
    user: ApiUser, owner_sql: OwnerSql, archive: EventArchive, store: WatchedStore, now: datetime
) -> None:
    project = await user.create_project()
    cutoff = days_before(now, 30)
    await backdate(owner_sql, project, [1], cutoff.replace(hour=0, minute=0, second=0, microsecond=0))

    assert await archive.archive_before(cutoff) == 0
    assert await versions(owner_sql, project) == [1, 2]
    assert store.files() == {}


async def test_nothing_is_deleted_where_the_file_cannot_be_stored(
    user: ApiUser, owner_sql: OwnerSql, archive: EventArchive, store: WatchedStore, now: datetime
) -> None:
    project = await project_with_old_events(user, owner_sql)

    async def fail() -> None:
        raise OSError("no space")

    store.before_storing.append(fail)
    with pytest.raises(OSError, match="no space"):
        await archive.archive_before(days_before(now, 30))

    assert await versions(owner_sql, project) == [1, 2, 3, 4, 5]


async def test_a_run_that_died_before_it_deleted_is_repeated_without_a_second_file(
    user: ApiUser, owner_sql: OwnerSql, archive: EventArchive, store: WatchedStore, database: Database, now: datetime
) -> None:
    project = await project_with_old_events(user, owner_sql)

    class Killed(EventRetention):
        async def delete_day(self, day: Any, *, expected: int) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await EventArchive(Killed(database), store).archive_before(days_before(now, 30))
    after_death = {path.name for path in store.paths()}
    await archive.archive_before(days_before(now, 30))

    assert len(after_death) == 1
    assert after_death < {path.name for path in store.paths()}
    assert [len(events) for events in store.files().values()] == [3, 1]
    assert await versions(owner_sql, project) == [5]


async def test_an_event_that_appears_while_its_day_is_stored_is_not_deleted(
    user: ApiUser, owner_sql: OwnerSql, archive: EventArchive, store: WatchedStore, now: datetime
) -> None:
    project = await project_with_old_events(user, owner_sql)

    async def add_event() -> None:
        await backdate(owner_sql, project, [5], _LONG_AGO)

    store.before_storing.append(add_event)
    with pytest.raises(EventsChangedError):
        await archive.archive_before(days_before(now, 30))
    kept = await versions(owner_sql, project)
    await archive.archive_before(days_before(now, 30))

    assert kept == [1, 2, 3, 4, 5]
    assert await versions(owner_sql, project) == []
    assert {event["version"] for events in store.all_events() for event in events} == {1, 2, 3, 4, 5}


async def test_an_event_of_a_day_that_is_archived_already_gets_a_file_of_its_own(
    user: ApiUser, owner_sql: OwnerSql, archive: EventArchive, store: WatchedStore, now: datetime
) -> None:
    project = await project_with_old_events(user, owner_sql)
    await archive.archive_before(days_before(now, 30))
    await backdate(owner_sql, project, [5], _LONG_AGO)

    assert await archive.archive_before(days_before(now, 30)) == 1
    assert len(list(store.root.glob("archive/events/2020/01/2020-01-15-*.jsonl.gz"))) == 2


async def test_client_that_was_away_longer_must_reload_in_every_protocol(
    address: str, user: ApiUser, owner_sql: OwnerSql, event_log: EventLog, settings: Settings, archive: EventArchive
) -> None:
    project = await project_with_old_events(user, owner_sql)
    stream = Stream("project", UUID(project["id"]))
    await archive.archive_before(days_before(datetime.now(UTC), 30))
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


async def test_dropping_a_partition_does_not_wait_long_for_a_reader(
    user: ApiUser, owner_sql: OwnerSql, archive: EventArchive, running_servers: ServerUrls, now: datetime
) -> None:
    project = await project_with_old_events(user, owner_sql)
    other_connection = await asyncpg.connect(running_servers.owner_url)
    try:
        async with other_connection.transaction():
            await other_connection.execute("set local role monynha_owner")
            await other_connection.fetch("select 1 from monynha.events limit 1")
            with pytest.raises(LockTimeoutError):
                await asyncio.wait_for(archive.archive_before(days_before(now, 30)), 8)
    finally:
        await other_connection.close()

    assert "monynha.events_2020_01" in await partitions(owner_sql)
    assert await archive.archive_before(days_before(now, 30)) == 0
    assert "monynha.events_2020_01" not in await partitions(owner_sql)
    assert await versions(owner_sql, project) == [5]
