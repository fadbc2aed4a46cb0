"""What happened: events as values, and how the program itself reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self
from uuid import UUID

import orjson

from monynha.core.actor import system
from monynha.infra.postgres.database import Database

PAGE = 500
"""How many events of one stream are read at once."""


class Stream(NamedTuple):
    """Whose history: a kind of thing and its id, as `project` and the project's."""

    kind: str
    id: UUID


EVERYBODY = UUID(int=0)
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
    actor: UUID | None
    at: str
    made: dict[object, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, row: list[Any]) -> Self:
        """Read an event as the history's queries list it."""
        kind, stream, version, resource, verb, row_id, new, old, actor, at = row
        return cls(
            Stream(kind, UUID(stream)),
            version,
            resource,
            verb,
            UUID(row_id),
            new,
            old,
            None if actor is None else UUID(actor),
            at,
        )

    @property
    def row(self) -> dict[str, Any]:
        """The row as it is after the change; of a deleted one, as it was."""
        return self.new if self.new is not None else self.old or {}


_COLUMNS = "e.kind, e.stream, e.version, e.resource, e.verb, e.row_id, e.new, e.old, e.actor, e.at"
_AFTER = f"""
select coalesce(json_agg(json_build_array({_COLUMNS}) order by e.kind, e.stream, e.version), '[]'::json)
from unnest($2::text[], $3::uuid[], $4::bigint[]) as since (kind, id, version)
cross join lateral (
  select {_COLUMNS} from monynha.events e
  where e.stream = since.id and e.kind = since.kind and e.version > since.version
  order by e.version limit {PAGE}
) e
"""
_BETWEEN = f"""
select coalesce(json_agg(json_build_array({_COLUMNS}) order by e.version), '[]'::json)
from (
  select {_COLUMNS} from monynha.events e
  where e.stream = $3::uuid and e.kind = $2::text and e.version > $4::bigint and e.version <= $5::bigint
  order by e.version limit $6::integer
) e
"""
_VERSIONS = """
select coalesce(json_agg(json_build_array(s.kind, s.id, s.version)), '[]'::json)
from monynha.streams s join unnest($2::text[], $3::uuid[]) as w (kind, id) on w.kind = s.kind and w.id = s.id
"""
_OF_KIND = """
select coalesce(json_agg(json_build_array(s.kind, s.id, s.version)), '[]'::json)
from monynha.streams s where s.kind = $2::text
"""
_LATEST = """
select coalesce(max(e.version), 0)::text::json from monynha.events e
where e.stream = $3::uuid and e.kind = $2::text
  and e.resource = '{resource}' and e.row_id = $4::uuid and e.verb = $5::text
"""
_FORGET = "select monynha.forget_events(now() - make_interval(days => $1))"
_KEEPING = 7_366_531_005
"""Any number, the same everywhere: the advisory lock under which one process keeps house."""
_MAKE_ROOM = "select monynha.make_event_partitions(3)"
_MATCHES = "select to_json(case when $4::boolean then $2::text ~* $3::text else $2::text ~ $3::text end)"


@dataclass(frozen=True)
class History:
    """Reads events as the program itself, for its hub."""

    database: Database

    async def after(self, since: Mapping[Stream, int]) -> list[Event]:
        """Return what happened after these versions, in each stream's order, at most a page of each."""
        kinds, ids = [one.kind for one in since], [one.id for one in since]
        return await self._events(_AFTER, kinds, ids, list(since.values()))

    async def between(self, stream: Stream, since: int, until: int, *, most: int) -> list[Event]:
        """Return what happened in a stream after one version and up to another."""
        return await self._events(_BETWEEN, *stream, since, until, most)

    async def versions(self, streams: Iterable[Stream]) -> dict[Stream, int]:
        """Return how far streams are; one that never heard of anything is missing."""
        asked = list(streams)
        answer = await self._look(_VERSIONS, [one.kind for one in asked], [one.id for one in asked])
        return {Stream(kind, UUID(id)): version for kind, id, version in answer}

    async def streams_of(self, kind: str) -> dict[Stream, int]:
        """Return every stream of a kind and how far it is."""
        return {Stream(kind, UUID(id)): version for kind, id, version in await self._look(_OF_KIND, kind)}

    async def latest(self, stream: Stream, resource: str, row_id: UUID, verb: str) -> int:
        """Return the version at which that last happened to the row in the stream, 0 if never."""
        # The name is one of the catalogue's; as a bind the planner could not tell that the index holds it.
        found: int = await self._look(_LATEST.format(resource=resource), *stream, row_id, verb)
        return found

    async def matches(self, text: str, pattern: str, *, ignores_case: bool) -> bool:
        """Whether a text matches PostgreSQL's regular expression (Internal for what is none)."""
        found: bool = await self._look(_MATCHES, text, pattern, ignores_case)
        return found

    async def keep_house(self, *, kept_days: int | None) -> bool:
        """Forget what is older, and make the coming months' partitions; False where another is at it."""
        if kept_days is not None and not await self._alone(_FORGET, kept_days):
            return False
        return await self._alone(_MAKE_ROOM)

    async def _alone(self, query: str, *binds: object) -> bool:
        # Each in a transaction of its own: partitions come and go under a lock that all who write wait for.
        async with self.database.acting(system("hub")).transaction() as transaction:
            await transaction.run("set local lock_timeout = '4s'")
            if not await transaction.value("select pg_try_advisory_xact_lock($1)", _KEEPING):
                return False
            await transaction.value(query, *binds)
            return True

    async def _events(self, query: str, *binds: object) -> list[Event]:
        return [Event.read(row) for row in await self._look(query, *binds)]

    async def _look(self, query: str, *binds: object) -> Any:
        return orjson.loads(await self.database.acting(system("hub")).look(query, *binds))
