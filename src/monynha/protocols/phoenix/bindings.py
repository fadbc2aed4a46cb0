"""What a channel wants to hear of tables: its bindings, each with the id by which the client knows it."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import orjson

from monynha.engine.realtime.event_log import Event
from monynha.engine.schema.catalog import Catalog
from monynha.engine.schema.resource import Resource, column_of
from monynha.protocols.phoenix.filters import Condition, FilterError, parse_filter


class MatchRegex(Protocol):
    """Asks PostgreSQL whether a text matches a regular expression."""

    async def __call__(self, text: str, pattern: str, *, ignores_case: bool) -> bool:
        """Return whether it does."""


_EVENTS = {"INSERT": "insert", "UPDATE": "update", "DELETE": "delete", "*": "*"}


@dataclass(frozen=True)
class Binding:
    """Changes of one resource that a client asked for."""

    id: int
    resource: Resource
    verb: str
    conditions: tuple[Condition, ...]
    select: frozenset[str] | None

    def matches_conditions(self, event: Event) -> bool:
        """Whether the event is of this binding, patterns apart."""
        return (
            event.resource == self.resource.plural
            and event.stream.kind == self.resource.streams[0].kind
            and self.verb in ("*", event.verb)
            and all(one.is_regex or one.matches(event.row) for one in self.conditions)
        )

    @property
    def regex_conditions(self) -> tuple[Condition, ...]:
        """The conditions that only PostgreSQL decides."""
        return tuple(one for one in self.conditions if one.is_regex)

    async def matches_regexes(self, event: Event, match_regex: MatchRegex) -> bool:
        """Whether the patterns hold too, which PostgreSQL is asked for."""
        for condition in self.regex_conditions:
            text = event.row.get(condition.column)
            if text is None or condition.is_negated == await match_regex(
                text, condition.value, ignores_case=condition.operator == "imatch"
            ):
                return False
        return True

    @property
    def stream_ids(self) -> frozenset[UUID] | None:
        """The streams that the filter leaves, by id; None for all."""
        stream_attribute = self.resource.streams[0].column
        stream_column = None if stream_attribute is None else column_of(stream_attribute).name
        for condition in self.conditions:
            if condition.column == stream_column and not condition.is_negated and condition.operator in ("eq", "in"):
                return frozenset(
                    UUID(each) for each in ([condition.value] if condition.operator == "eq" else condition.value)
                )
        return None


def binding_id(config: object) -> int:
    """Return the id of a client's binding: never 0, and the same for equal ones."""
    canonical = orjson.dumps(config, option=orjson.OPT_SORT_KEYS)
    return (zlib.crc32(canonical) & 0x7FFFFFFF) or 1


def published_resources(catalog: Catalog) -> dict[str, Resource]:
    """Return the resources whose changes can be bound, by table."""
    return {one.table.name: one for one in catalog.resources.values() if one.streams and not one.is_private_stream}


def parse_binding(catalog: Catalog, config: dict[str, Any]) -> list[Binding]:
    """Return what a client's binding means, one for each table it names (BadFilter)."""
    tables = published_resources(catalog)
    event = str(config.get("event", "*")).upper()
    schema, table = config.get("schema", "public"), config.get("table")
    is_known = schema in ("public", "*") and event in _EVENTS
    resources = list(tables.values()) if table in (None, "", "*") else [tables[table]] if table in tables else []
    if not is_known or not resources:
        raise FilterError(
            "Unable to subscribe to changes with given parameters. Please check Realtime is enabled for the "
            f"given connect parameters: [event: {event[:20]}, schema: {str(schema)[:63]}, "
            f"table: {str(table)[:63]}, filters: {str(config.get('filter') or '[]')[:200]}]"
        )
    return [
        Binding(
            binding_id(config),
            one,
            _EVENTS[event],
            parse_filter(one, config.get("filter")),
            _select(one, config),
        )
        for one in resources
    ]


def _select(resource: Resource, config: dict[str, Any]) -> frozenset[str] | None:
    select = config.get("select")
    if not isinstance(select, list) or not select:
        return None
    names = frozenset(str(one) for one in select)
    unknown = names - {one.name for one in resource.logged_columns}
    if unknown:
        raise FilterError(f"invalid column for select {sorted(unknown)[0][:63]}")
    return names | {one.name for one in resource.primary_key}


def wanted_streams(bindings: Iterable[Binding]) -> dict[str, frozenset[UUID] | None]:
    """Return the streams that bindings need, by kind: the ids, or None for all that may be heard."""
    streams: dict[str, frozenset[UUID] | None] = {}
    for binding in bindings:
        kind, stream_ids = binding.resource.streams[0].kind, binding.stream_ids
        former_ids = streams.get(kind, frozenset())
        streams[kind] = None if stream_ids is None or former_ids is None else former_ids | stream_ids
    return streams
