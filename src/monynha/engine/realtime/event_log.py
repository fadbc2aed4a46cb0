"""What happened: events as values, and how the program itself reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self
from uuid import UUID

import orjson

from monynha.core.actor import system_actor
from monynha.infra.postgres.database import Database

PAGE_SIZE = 500
"""How many events of one stream are read at once."""


class Stream(NamedTuple):
    """Whose history: a kind of thing and its id, as `project` and the project's."""

    kind: str
    id: UUID


GLOBAL_STREAM_ID = UUID(int=0)
"""The id of a stream of which there is only one."""


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """A change of one row, at its place in a stream; `old` holds the former values of what changed.

    `made` keeps what was made of it for its hearers, so that each shape is made once.
    """

    stream: Stream
    version: int
    resource: str
    verb: str
    row_id: UUID
    new: dict[str, Any] | None
    old: dict[str, Any] | None
    actor_id: UUID | None
    occurred_at: str
    payload_cache: dict[object, Any] = field(default_factory=dict)

    @classmethod
    def from_row(cls, row: list[Any]) -> Self:
        """Read an event as the history's queries list it."""
        kind, stream, version, resource, verb, row_id, new, old, actor_id, occurred_at = row
        return cls(
            Stream(kind, UUID(stream)),
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
    def row(self) -> dict[str, Any]:
        """The row as it is after the change; of a deleted one, as it was."""
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
_DELETE_OLD_EVENTS_SQL = "select monynha.delete_old_events(now() - make_interval(days => $1))"
_MAINTENANCE_LOCK = 7_366_531_005
"""Any number, the same everywhere: the advisory lock under which one process keeps house."""
_CREATE_PARTITIONS_SQL = "select monynha.create_event_partitions(3)"
_MATCHES_REGEX_SQL = "select to_json(case when $4::boolean then $2::text ~* $3::text else $2::text ~ $3::text end)"


@dataclass(frozen=True)
class EventLog:
    """Reads events as the program itself, for its hub."""

    database: Database

    async def fetch_events_after(self, since: Mapping[Stream, int]) -> list[Event]:
        """Return what happened after these versions, in each stream's order, at most a page of each."""
        kinds, ids = [one.kind for one in since], [one.id for one in since]
        return await self._fetch_events(_EVENTS_AFTER_SQL, kinds, ids, list(since.values()))

    async def fetch_events_between(self, stream: Stream, since: int, until: int, *, max_events: int) -> list[Event]:
        """Return what happened in a stream after one version and up to another."""
        return await self._fetch_events(_EVENTS_BETWEEN_SQL, *stream, since, until, max_events)

    async def fetch_versions(self, streams: Iterable[Stream]) -> dict[Stream, int]:
        """Return how far streams are; one that never heard of anything is missing."""
        wanted_streams = list(streams)
        rows = await self._fetch_json(
            _STREAM_VERSIONS_SQL, [one.kind for one in wanted_streams], [one.id for one in wanted_streams]
        )
        return {Stream(kind, UUID(id)): version for kind, id, version in rows}

    async def fetch_streams_of_kind(self, kind: str) -> dict[Stream, int]:
        """Return every stream of a kind and how far it is."""
        return {
            Stream(kind, UUID(id)): version for kind, id, version in await self._fetch_json(_STREAMS_OF_KIND_SQL, kind)
        }

    async def fetch_last_event_version(self, stream: Stream, resource: str, row_id: UUID, verb: str) -> int:
        """Return the version at which that last happened to the row in the stream, 0 if never."""
        # The name is one of the catalogue's; as a bind the planner could not tell that the index holds it.
        version: int = await self._fetch_json(_LAST_EVENT_VERSION_SQL.format(resource=resource), *stream, row_id, verb)
        return version

    async def matches_regex(self, text: str, pattern: str, *, ignores_case: bool) -> bool:
        """Whether a text matches PostgreSQL's regular expression (Internal for what is none)."""
        is_match: bool = await self._fetch_json(_MATCHES_REGEX_SQL, text, pattern, ignores_case)
        return is_match

    async def maintain_partitions(self, *, retention_days: int | None) -> bool:
        """Forget what is older, and make the coming months' partitions; False where another is at it."""
        if retention_days is not None and not await self._run_exclusively(_DELETE_OLD_EVENTS_SQL, retention_days):
            return False
        return await self._run_exclusively(_CREATE_PARTITIONS_SQL)

    async def _run_exclusively(self, query: str, *binds: object) -> bool:
        # Each in a transaction of its own: partitions come and go under a lock that all who write wait for.
        async with self.database.as_actor(system_actor("hub")).transaction() as transaction:
            await transaction.execute("set local lock_timeout = '4s'")
            if not await transaction.fetch_value("select pg_try_advisory_xact_lock($1)", _MAINTENANCE_LOCK):
                return False
            await transaction.fetch_value(query, *binds)
            return True

    async def _fetch_events(self, query: str, *binds: object) -> list[Event]:
        return [Event.from_row(row) for row in await self._fetch_json(query, *binds)]

    async def _fetch_json(self, query: str, *binds: object) -> Any:
        return orjson.loads(await self.database.as_actor(system_actor("hub")).fetch_as_system(query, *binds))
