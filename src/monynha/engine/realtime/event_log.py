"""Events and streams as values, and the queries by which the program reads the event log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self
from uuid import UUID

import orjson

from monynha.core.actor import system_actor
from monynha.infra.postgres.database import Database

PAGE_SIZE = 500
"""How many events of one stream one query returns at most."""


class Stream(NamedTuple):
    """A sequence of events with versions 1, 2, 3 …: of one project, one user, or of a kind that exists once."""

    kind: str
    id: UUID


GLOBAL_STREAM_ID = UUID(int=0)
"""The id of a stream whose kind exists once."""

Row = dict[str, object]
"""Columns by name, as the triggers copied them: UUIDs and times are text."""
_EventRow = tuple[str, str, int, str, str, str, Row | None, Row | None, str | None, str]


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """A change of one row, at its version in a stream.

    `verb` is insert, update or delete. `new` is the row after the change; `old` has the former values of the
    columns that changed, or the whole deleted row. `occurred_at` is ISO 8601 in UTC as PostgreSQL prints it.
    """

    stream: Stream
    version: int
    resource: str
    verb: str
    row_id: UUID
    new: Row | None
    old: Row | None
    actor_id: UUID | None
    occurred_at: str
    payload_cache: dict[object, object] = field(default_factory=dict)
    """What protocols made of the event, by a key of their own: each payload is built once for all subscribers."""

    @classmethod
    def from_row(cls, row: _EventRow) -> Self:
        """Build an event from a row of the queries below."""
        kind, stream_id, version, resource, verb, row_id, new, old, actor_id, occurred_at = row
        return cls(
            Stream(kind, UUID(stream_id)),
            version,
            resource,
            verb,
            UUID(row_id),
            new,
            old,
            None if actor_id is None else UUID(actor_id),
            occurred_at,
        )

    @property
    def row(self) -> Row:
        """The row after the change; for a delete, the row as it was."""
        return self.new if self.new is not None else self.old or {}


_EVENT_COLUMNS = "e.kind, e.stream, e.version, e.resource, e.verb, e.row_id, e.new, e.old, e.actor, e.at"
_EVENTS_AFTER_SQL = f"""
select coalesce(json_agg(json_build_array({_EVENT_COLUMNS}) order by e.kind, e.stream, e.version), '[]'::json)
from unnest($2::text[], $3::uuid[], $4::bigint[]) as since (kind, id, version)
cross join lateral (
  select {_EVENT_COLUMNS} from monynha.events e
  where e.stream = since.id and e.kind = since.kind and e.version > since.version
  order by e.version limit {PAGE_SIZE}
) e
"""
_EVENTS_BETWEEN_SQL = f"""
select coalesce(json_agg(json_build_array({_EVENT_COLUMNS}) order by e.version), '[]'::json)
from (
  select {_EVENT_COLUMNS} from monynha.events e
  where e.stream = $3::uuid and e.kind = $2::text and e.version > $4::bigint and e.version <= $5::bigint
  order by e.version limit $6::integer
) e
"""
_STREAM_VERSIONS_SQL = """
select coalesce(json_agg(json_build_array(s.kind, s.id, s.version)), '[]'::json)
from monynha.streams s join unnest($2::text[], $3::uuid[]) as w (kind, id) on w.kind = s.kind and w.id = s.id
"""
_STREAMS_OF_KIND_SQL = """
select coalesce(json_agg(json_build_array(s.kind, s.id, s.version)), '[]'::json)
from monynha.streams s where s.kind = $2::text
"""
_LAST_EVENT_VERSION_SQL = """
select coalesce(max(e.version), 0)::text::json from monynha.events e
where e.stream = $3::uuid and e.kind = $2::text
  and e.resource = '{resource}' and e.row_id = $4::uuid and e.verb = $5::text
"""
_HUB = system_actor("hub")
"""The actor whom the policies of `monynha.events` and `monynha.streams` let read."""


@dataclass(frozen=True)
class EventLog:
    """Reads `monynha.events` and `monynha.streams` as the system."""

    database: Database

    async def fetch_events_after(self, since: Mapping[Stream, int]) -> list[Event]:
        """Return the events after these versions, in the order of each stream, at most PAGE_SIZE of each."""
        kinds, ids = [stream.kind for stream in since], [stream.id for stream in since]
        return await self._fetch_events(_EVENTS_AFTER_SQL, kinds, ids, list(since.values()))

    async def fetch_events_between(self, stream: Stream, since: int, until: int, *, max_events: int) -> list[Event]:
        """Return the first events of a stream after one version and up to another."""
        return await self._fetch_events(_EVENTS_BETWEEN_SQL, *stream, since, until, max_events)

    async def fetch_versions(self, streams: Iterable[Stream]) -> dict[Stream, int]:
        """Return the current version of each stream; streams without events are missing."""
        pairs = list(streams)
        return await self._fetch_versions(
            _STREAM_VERSIONS_SQL, [stream.kind for stream in pairs], [stream.id for stream in pairs]
        )

    async def fetch_streams_of_kind(self, kind: str) -> dict[Stream, int]:
        """Return all streams of a kind with their current versions."""
        return await self._fetch_versions(_STREAMS_OF_KIND_SQL, kind)

    async def fetch_last_event_version(self, stream: Stream, resource: str, row_id: UUID, verb: str) -> int:
        """Return the version of the last such event of a row in the stream, 0 if there is none."""
        # The name comes from the catalogue. As a bind the planner could not know that the partial index has it.
        version: int = await self._fetch_json(_LAST_EVENT_VERSION_SQL.format(resource=resource), *stream, row_id, verb)
        return version

    async def _fetch_events(self, query: str, *binds: object) -> list[Event]:
        return [Event.from_row(row) for row in await self._fetch_json(query, *binds)]

    async def _fetch_versions(self, query: str, *binds: object) -> dict[Stream, int]:
        rows: list[tuple[str, str, int]] = await self._fetch_json(query, *binds)
        return {Stream(kind, UUID(id)): version for kind, id, version in rows}

    async def _fetch_json(self, query: str, *binds: object) -> Any:
        return orjson.loads(await self.database.as_actor(_HUB).fetch_as_system(query, *binds))
