"""Parses the value of a list's filter, as a client sends it, into the value of its condition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from monynha.core.actor import Actor
from monynha.core.serialization import format_timestamp, parse_timestamp, parse_uuid
from monynha.engine.schema.columns import ColumnType
from monynha.engine.schema.resource import Filter, Resource

_MAX_VALUES = 100
_MAX_SEARCH_LENGTH, _MAX_SEARCH_WORDS = 500, 20


def parse_filter(resource: Resource, filter: Filter, value: str | bool | Sequence[str], actor: Actor) -> object:
    """Return the value of a filter's condition; ValueError says what the filter accepts.

    `in` and `overlaps` take several values, `is_null` takes a boolean or its text, the others a text.
    The value `me` is the actor's own id.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _TEXT_PARSERS[filter.operator](value)
    if not value or len(value) > _MAX_VALUES:
        raise ValueError(f"must be 1 to {_MAX_VALUES} values, separated by commas")
    rules = resource.fields[filter.fields[0]].rules
    if filter.operator == "overlaps" or rules.type is ColumnType.TEXT:
        if any("\x00" in text for text in value):
            raise ValueError("must not contain a NUL")
        return list(value)
    if rules.type is ColumnType.ENUM:
        if any(text not in rules.choices for text in value):
            raise ValueError(f"must be one or more of {', '.join(rules.choices)}")
        return list(value)
    return [_parse_id(text, actor) for text in value]


def _parse_boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


def _parse_timestamp(text: str) -> str:
    return format_timestamp(parse_timestamp(text))


def _parse_search(text: str) -> list[str]:
    """Return a LIKE pattern for each word; all of them must match (`ilike all`)."""
    patterns = [f"%{_escape_wildcards(word)}%" for word in text.split()]
    if len(text) > _MAX_SEARCH_LENGTH or len(patterns) > _MAX_SEARCH_WORDS:
        raise ValueError(f"must be at most {_MAX_SEARCH_LENGTH} characters and {_MAX_SEARCH_WORDS} words")
    if "\x00" in text:
        raise ValueError("must not contain a NUL")
    return patterns


def _parse_id(text: str, actor: Actor) -> UUID | None:
    if text == "me":
        return actor.id
    id = parse_uuid(text)
    if id is None:
        raise ValueError("must be UUIDs, or me")
    return id


def _escape_wildcards(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


_TEXT_PARSERS: dict[str, Callable[[str], object]] = {
    "search": _parse_search,
    "is_null": _parse_boolean,
    "lt": _parse_timestamp,
    "gte": _parse_timestamp,
}
