"""Events that are older than they are kept: read by day, deleted by day, and the partitions of the table."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import NamedTuple
from uuid import UUID

from monynha.core.actor import system_actor
from monynha.infra.postgres.database import Database

PAGE_SIZE = 2_000
"""How many events are read at once; an event of a long text has up to 200 KB."""

_CLEAN_UP = system_actor("clean-up")
"""The actor whom the policy of `monynha.events` lets read."""
_LIMIT_LOCK_WAIT_SQL = "set local lock_timeout = '4s'"
_OLDEST_DAY_SQL = """
select (min(at) at time zone 'UTC')::date from monynha.events where at < $1
"""
_PAGE_SQL = """
select e.kind, e.stream, e.version, e.at, json_build_object(
  'kind', e.kind, 'stream', e.stream, 'version', e.version, 'at', e.at, 'resource', e.resource, 'verb', e.verb,
  'rowId', e.row_id, 'new', e.new, 'old', e.old, 'actor', e.actor
)::text as line
from monynha.events e
where e.at >= $1::date::timestamp at time zone 'UTC' and e.at < ($1::date + 1)::timestamp at time zone 'UTC'
  and (e.stream, e.kind, e.version, e.at) > ($2::uuid, $3::text, $4::bigint, $5::timestamptz)
order by e.stream, e.kind, e.version, e.at limit $6
"""
_DELETE_DAY_SQL = "select monynha.delete_events_of_day($1)"
_DROP_PARTITIONS_SQL = "select monynha.drop_empty_event_partitions($1)"
_CREATE_PARTITIONS_SQL = "select monynha.create_event_partitions(3)"


class EventsChangedError(Exception):
    """The events of the day changed while they were read."""


class _Position(NamedTuple):
    """The place of an event in the order in which a day is read."""

    stream: UUID
    kind: str
    version: int
    at: datetime


_START = _Position(UUID(int=0), "", 0, datetime.min.replace(tzinfo=UTC))


@dataclass(frozen=True)
class EventRetention:
    """Reads and deletes the events of a day (UTC), as the clean-up."""

    database: Database
    page_size: int = PAGE_SIZE

    async def fetch_oldest_day(self, before: datetime) -> date | None:
        """Return the day of the oldest event before a time, or None if there is none."""
        async with self.database.as_actor(_CLEAN_UP).transaction() as transaction:
            day = await transaction.fetch_value(_OLDEST_DAY_SQL, before)
        return day if isinstance(day, date) else None

    async def read_day(self, day: date) -> AsyncGenerator[list[str]]:
        """Yield the events of a day as lines of JSON without their line ends, page by page."""
        position = _START
        while True:
            async with self.database.as_actor(_CLEAN_UP).transaction() as transaction:
                rows = await transaction.fetch_rows(_PAGE_SQL, day, *position, self.page_size)
            if not rows:
                return
            yield [row["line"] for row in rows]
            position = _Position(rows[-1]["stream"], rows[-1]["kind"], rows[-1]["version"], rows[-1]["at"])

    async def delete_day(self, day: date, *, expected: int) -> None:
        """Delete the events of a day in one transaction; EventsChangedError, and nothing deleted, if not as many."""
        async with self.database.as_actor(_CLEAN_UP).transaction() as transaction:
            if await transaction.fetch_value(_DELETE_DAY_SQL, day) != expected:
                raise EventsChangedError()

    async def maintain_partitions(self, before: datetime | None) -> None:
        """Drop the empty partitions of the months before a time, and create those of the coming months.

        Raises LockTimeoutError if a reader holds a lock for longer than 4 seconds: all writers wait meanwhile.
        """
        # One transaction each: creating and dropping a partition takes a lock that all writers wait for.
        if before is not None:
            await self._run_briefly(_DROP_PARTITIONS_SQL, before)
        await self._run_briefly(_CREATE_PARTITIONS_SQL)

    async def _run_briefly(self, query: str, *binds: object) -> None:
        async with self.database.as_actor(_CLEAN_UP).transaction() as transaction:
            await transaction.execute(_LIMIT_LOCK_WAIT_SQL)
            await transaction.fetch_value(query, *binds)
