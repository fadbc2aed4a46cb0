"""How a list is narrowed: what a caller gives for a filter becomes a condition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from monynha.core.actor import Actor
from monynha.core.serialization import format_timestamp, parse_timestamp, parse_uuid
from monynha.engine.schema.columns import ColumnType
from monynha.engine.schema.resource import Filter, Resource


def parse_filter(resource: Resource, filter: Filter, value: str | bool | Sequence[str], actor: Actor) -> object:
    """Return the value of a filter's condition; ValueError says what must be given.

    Filters that compare take several values, `missing` a truth, the others a text. `me` is the asker's id.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _TEXT_PARSERS[filter.operator](value)
    if not value or len(value) > 100:
        raise ValueError("must be 1 to 100 values, separated by commas")
    rules = resource.fields[filter.fields[0]].rules
    if filter.operator == "has" or rules.type is ColumnType.TEXT:
        if any("\x00" in word for word in value):
            raise ValueError("must not hold a NUL")
        return list(value)
    if rules.type is ColumnType.ENUM:
        if any(word not in rules.choices for word in value):
            raise ValueError(f"must be of {', '.join(rules.choices)}")
        return list(value)
    return [_parse_id(word, actor) for word in value]


def _parse_boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


def _parse_timestamp(text: str) -> str:
    return format_timestamp(parse_timestamp(text))


def _parse_search(text: str) -> list[str]:
    # `ilike all`: every word stands somewhere; what would be a wildcard is escaped.
    patterns = [f"%{_escape_wildcards(word)}%" for word in text.split()]
    if len(text) > 500 or len(patterns) > 20:
        raise ValueError("must be at most 500 characters and 20 words")
    if "\x00" in text:
        raise ValueError("must not hold a NUL")
    return patterns


def _parse_id(text: str, actor: Actor) -> UUID | None:
    id = actor.id if text == "me" else parse_uuid(text)
    if id is None and text != "me":
        raise ValueError("must be UUIDs, or me")
    return id


def _escape_wildcards(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


_TEXT_PARSERS: dict[str, Callable[[str], object]] = {
    "words": _parse_search,
    "missing": _parse_boolean,
    "before": _parse_timestamp,
    "after": _parse_timestamp,
}
