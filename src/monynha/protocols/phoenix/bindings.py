"""What a channel wants to hear of tables: its bindings, each with the id by which the client knows it."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import orjson

from monynha.engine.catalog import Catalog
from monynha.engine.history import Event
from monynha.engine.resource import Resource, column_of
from monynha.protocols.phoenix.filters import BadFilter, Condition, read_filter


class Ask(Protocol):
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
    where: tuple[Condition, ...]
    select: frozenset[str] | None

    def may_want(self, event: Event) -> bool:
        """Whether the event is of this binding, patterns apart."""
        return (
            event.resource == self.resource.plural
            and event.stream.kind == self.resource.told_to[0].kind
            and self.verb in ("*", event.verb)
            and all(one.is_pattern or one.holds(event.row) for one in self.where)
        )

    @property
    def patterns(self) -> tuple[Condition, ...]:
        """The conditions that only PostgreSQL decides."""
        return tuple(one for one in self.where if one.is_pattern)

    async def matches(self, event: Event, ask: Ask) -> bool:
        """Whether the patterns hold too, which PostgreSQL is asked for."""
        for one in self.patterns:
            text = event.row.get(one.column)
            if text is None or one.is_not == await ask(
                text, one.value, ignores_case=one.operator == "imatch"
            ):
                return False
        return True

    @property
    def only(self) -> frozenset[UUID] | None:
        """The streams that the filter leaves, by id; None for all."""
        by = self.resource.told_to[0].by
        name = None if by is None else column_of(by).name
        for one in self.where:
            if one.column == name and not one.is_not and one.operator in ("eq", "in"):
                return frozenset(UUID(each) for each in ([one.value] if one.operator == "eq" else one.value))
        return None


def binding_id(asked: object) -> int:
    """Return the id of a client's binding: never 0, and the same for equal ones."""
    told = orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)
    return (zlib.crc32(told) & 0x7FFFFFFF) or 1


def published(catalog: Catalog) -> dict[str, Resource]:
    """Return the resources whose changes can be bound, by table."""
    return {one.table.name: one for one in catalog.resources.values() if one.told_to and not one.hears_alone}


def read_binding(catalog: Catalog, asked: dict[str, Any]) -> list[Binding]:
    """Return what a client's binding means, one for each table it names (BadFilter)."""
    tables = published(catalog)
    event = str(asked.get("event", "*")).upper()
    schema, table = asked.get("schema", "public"), asked.get("table")
    known = schema in ("public", "*") and event in _EVENTS
    found = list(tables.values()) if table in (None, "", "*") else [tables[table]] if table in tables else []
    if not known or not found:
        raise BadFilter(
            "Unable to subscribe to changes with given parameters. Please check Realtime is enabled for the "
            f"given connect parameters: [event: {event[:20]}, schema: {str(schema)[:63]}, "
            f"table: {str(table)[:63]}, filters: {str(asked.get('filter') or '[]')[:200]}]"
        )
    return [
        Binding(
            binding_id(asked), one, _EVENTS[event], read_filter(one, asked.get("filter")), _select(one, asked)
        )
        for one in found
    ]


def _select(resource: Resource, asked: dict[str, Any]) -> frozenset[str] | None:
    given = asked.get("select")
    if not isinstance(given, list) or not given:
        return None
    names = frozenset(str(one) for one in given)
    unknown = names - {one.name for one in resource.heard}
    if unknown:
        raise BadFilter(f"invalid column for select {sorted(unknown)[0][:63]}")
    return names | {one.name for one in resource.key}


def wanted(bindings: Iterable[Binding]) -> dict[str, frozenset[UUID] | None]:
    """Return the streams that bindings need, by kind: the ids, or None for all that may be heard."""
    found: dict[str, frozenset[UUID] | None] = {}
    for one in bindings:
        kind, only = one.resource.told_to[0].kind, one.only
        known = found.get(kind, frozenset())
        found[kind] = None if only is None or known is None else known | only
    return found
