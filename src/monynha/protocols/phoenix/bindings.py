"""Parse the bindings of a channel: of which table, verb and rows it receives the changes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

import orjson

from monynha.engine.realtime.event_log import Event
from monynha.engine.schema.catalog import Catalog
from monynha.engine.schema.resource import Resource, column_of
from monynha.protocols.phoenix.filters import Condition, FilterError, parse_filter
from monynha.protocols.phoenix.regex import Regex, RegexMatcher

_VERBS = {"INSERT": "insert", "UPDATE": "update", "DELETE": "delete", "*": "*"}


@dataclass(frozen=True)
class Binding:
    """A client's request for changes of one table; `id` is how messages of the server refer to it."""

    id: int
    resource: Resource
    verb: str
    conditions: tuple[Condition, ...]
    select: frozenset[str] | None
    """The columns to send, None for all."""

    def matches(self, event: Event) -> bool:
        """Whether an event is of this binding, as far as it can be decided without PostgreSQL."""
        return (
            event.resource == self.resource.plural
            and event.stream.kind == self.resource.streams[0].kind
            and self.verb in ("*", event.verb)
            and all(condition.regex is not None or condition.matches(event.row) for condition in self.conditions)
        )

    @property
    def regexes(self) -> tuple[Regex, ...]:
        """The patterns that only PostgreSQL can match."""
        return tuple(condition.regex for condition in self.conditions if condition.regex is not None)

    async def matches_regexes(self, event: Event, matcher: RegexMatcher) -> bool:
        """Whether the conditions with patterns hold."""
        for condition in self.conditions:
            if condition.regex is None:
                continue
            text = event.row.get(condition.column)
            if not isinstance(text, str) or condition.is_negated == await matcher.matches(text, condition.regex):
                return False
        return True

    @property
    def stream_ids(self) -> frozenset[UUID] | None:
        """The streams to which the filter restricts the binding, None for all."""
        stream_attribute = self.resource.streams[0].column
        stream_column = None if stream_attribute is None else column_of(stream_attribute).name
        for condition in self.conditions:
            if condition.column == stream_column and condition.equal_values is not None:
                return frozenset(UUID(str(value)) for value in condition.equal_values)
        return None


def binding_id(config: object) -> int:
    """Return the id of a client's binding: a positive 31-bit number, the same for equal bindings."""
    canonical = orjson.dumps(config, option=orjson.OPT_SORT_KEYS)
    return (zlib.crc32(canonical) & 0x7FFFFFFF) or 1


def parse_binding(catalog: Catalog, config: Mapping[str, object]) -> list[Binding]:
    """Return the bindings of a client's request, one for each table; FilterError if it is invalid."""
    tables = {
        resource.table.name: resource
        for resource in catalog.resources.values()
        if resource.streams and not resource.is_private_stream
    }
    event = str(config.get("event", "*")).upper()
    schema, table = config.get("schema", "public"), config.get("table")
    if table in (None, "", "*"):
        resources = list(tables.values())
    else:
        resources = [tables[table]] if isinstance(table, str) and table in tables else []
    if schema not in ("public", "*") or event not in _VERBS or not resources:
        raise FilterError(
            "Unable to subscribe to changes with given parameters. Please check Realtime is enabled for the "
            f"given connect parameters: [event: {event[:20]}, schema: {str(schema)[:63]}, "
            f"table: {str(table)[:63]}, filters: {str(config.get('filter') or '[]')[:200]}]"
        )
    return [
        Binding(
            binding_id(config),
            resource,
            _VERBS[event],
            parse_filter(resource, config.get("filter")),
            _parse_select(resource, config.get("select")),
        )
        for resource in resources
    ]


def _parse_select(resource: Resource, select: object) -> frozenset[str] | None:
    if not isinstance(select, list) or not select:
        return None
    names = frozenset(str(name) for name in select)
    unknown = names - {column.name for column in resource.logged_columns}
    if unknown:
        raise FilterError(f"invalid column for select {sorted(unknown)[0][:63]}")
    return names | {column.name for column in resource.primary_key}


def wanted_streams(bindings: Iterable[Binding]) -> dict[str, frozenset[UUID] | None]:
    """Return the streams that bindings need, by kind: their ids, or None for all that the user may see."""
    streams: dict[str, frozenset[UUID] | None] = {}
    for binding in bindings:
        kind, stream_ids = binding.resource.streams[0].kind, binding.stream_ids
        former_ids = streams.get(kind, frozenset())
        streams[kind] = None if stream_ids is None or former_ids is None else former_ids | stream_ids
    return streams
