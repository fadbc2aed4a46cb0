"""How a list is narrowed: what a caller gives for a filter becomes a condition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from monynha.core.actor import Actor
from monynha.core.wire import format_instant, parse_instant, parse_uuid
from monynha.engine.model import Kind
from monynha.engine.resource import Filter, Resource


def narrowed(resource: Resource, one: Filter, given: str | bool | Sequence[str], actor: Actor) -> object:
    """Return the value of a filter's condition; ValueError says what must be given.

    Filters that compare take several values, `missing` a truth, the others a text. `me` is the asker's id.
    """
    if isinstance(given, bool):
        return given
    if isinstance(given, str):
        return _TEXTS[one.operator](given)
    if not given or len(given) > 100:
        raise ValueError("must be 1 to 100 values, separated by commas")
    rules = resource.fields[one.fields[0]].rules
    if one.operator == "has" or rules.kind is Kind.TEXT:
        if any("\x00" in word for word in given):
            raise ValueError("must not hold a NUL")
        return list(given)
    if rules.kind is Kind.CHOICE:
        if any(word not in rules.choices for word in given):
            raise ValueError(f"must be of {', '.join(rules.choices)}")
        return list(given)
    return [_id(word, actor) for word in given]


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


def _instant(text: str) -> str:
    return format_instant(parse_instant(text))


def _patterns(text: str) -> list[str]:
    # `ilike all`: every word stands somewhere; what would be a wildcard is escaped.
    patterns = [f"%{_escaped(word)}%" for word in text.split()]
    if len(text) > 500 or len(patterns) > 20:
        raise ValueError("must be at most 500 characters and 20 words")
    if "\x00" in text:
        raise ValueError("must not hold a NUL")
    return patterns


def _id(word: str, actor: Actor) -> UUID | None:
    found = actor.id if word == "me" else parse_uuid(word)
    if found is None and word != "me":
        raise ValueError("must be UUIDs, or me")
    return found


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


_TEXTS: dict[str, Callable[[str], object]] = {
    "words": _patterns,
    "missing": _truth,
    "before": _instant,
    "after": _instant,
}
