"""Filters of `postgres_changes`: `column=op.value`, several with commas between, all of which must hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column

from monynha.core.wire import parse_uuid
from monynha.engine.model import Kind
from monynha.engine.resource import Resource

_MOST_VALUES = 100
_CONDITION = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]{0,62})=(not\.)?([a-z]+)\.(.*)", re.DOTALL)
_TEXTS = (Kind.TEXT, Kind.CHOICE, Kind.URL)


class BadFilter(Exception):
    """A filter that cannot be read; the message is for whoever wrote it."""


@dataclass(frozen=True)
class Condition:
    """One comparison of a column with a value that has the column's type."""

    column: str
    operator: str
    is_not: bool
    value: Any
    read: Callable[[Any], Any]

    @property
    def is_pattern(self) -> bool:
        """Whether PostgreSQL must decide, by its regular expressions: Python's can take for ever."""
        return self.operator in ("match", "imatch")

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Whether the row meets it, as SQL would say: null is nothing but null."""
        found = row.get(self.column)
        if self.operator == "is":
            return _is(found, self.value) != self.is_not
        here = None if found is None else self.read(found)
        if self.operator == "isdistinct":
            return bool(here != self.value) != self.is_not
        if here is None:
            return False
        return bool(_OPERATORS[self.operator](here, self.value)) != self.is_not


def read_filter(resource: Resource, text: object) -> tuple[Condition, ...]:
    """Read a filter over a resource's columns (BadFilter)."""
    if text is None or (isinstance(text, str) and not text.strip()):
        return ()
    if not isinstance(text, str) or len(text) > 10_000:
        raise BadFilter("Error parsing `filter` params: it must be a text")
    columns = {one.name: one for one in resource.heard}
    return tuple(_condition(columns, one) for one in _split(text))


def _condition(columns: Mapping[str, Column[Any]], text: str) -> Condition:
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise BadFilter(f"Error parsing `filter` params: {text[:200]!r} is no column=op.value")
    name, negated, operator, value = match.groups()
    if name not in columns:
        raise BadFilter(f"invalid column for filter {name}")
    read = _reader(columns[name])
    if operator in ("like", "ilike", "match", "imatch"):
        if columns[name].info["rules"].kind not in _TEXTS:
            raise BadFilter(f"operator {operator} needs a text, which {name} is not")
        given: Any = _unquoted(value)
    elif operator == "in":
        given = _list(value, read, name)
    elif operator == "is":
        if value not in ("null", "true", "false", "unknown", "not_null"):
            raise BadFilter(f"Error parsing `filter` params: {name}=is.{value[:40]}")
        given = value
    elif operator in _OPERATORS or operator == "isdistinct":
        given = _value(read, _unquoted(value), name)
    else:
        raise BadFilter(f"Error parsing `filter` params: there is no operator {operator!r}")
    return Condition(name, operator, negated is not None, given, read)


def _list(text: str, read: Callable[[Any], Any], name: str) -> frozenset[Any]:
    if not (text.startswith("(") and text.endswith(")")):
        raise BadFilter(f"Error parsing `filter` params: {name}=in.(a,b)")
    values = list(_split(text[1:-1])) if text != "()" else []
    if len(values) > _MOST_VALUES:
        raise BadFilter(f"Error parsing `filter` params: in takes at most {_MOST_VALUES} values")
    try:
        return frozenset(_value(read, _unquoted(one.strip()), name) for one in values)
    except TypeError:
        raise BadFilter(f"operator in cannot compare {name}") from None


def _split(text: str) -> Iterator[str]:
    """Split at commas that stand outside quotes, parentheses and braces."""
    part, depth, quoted, escaped = "", 0, False, False
    for sign in text:
        if escaped:
            escaped = False
        elif quoted and sign == "\\":
            escaped = True
        elif sign == '"':
            quoted = not quoted
        elif not quoted and sign in "(){}":
            depth += 1 if sign in "({" else -1
        elif sign == "," and not quoted and depth == 0:
            yield part
            part = ""
            continue
        part += sign
    yield part


def _unquoted(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
    return text


def _value(read: Callable[[Any], Any], text: str, name: str) -> Any:
    try:
        return read(text)
    except (ValueError, OverflowError):
        raise BadFilter(f"invalid value for filter {name}: {text[:100]!r}") from None


def _reader(column: Column[Any]) -> Callable[[Any], Any]:
    kind = column.info["rules"].kind
    if kind is Kind.ID:
        return _uuid
    if kind is Kind.INSTANT:
        return _instant
    if kind is Kind.VERSION:
        return int
    if kind is Kind.FLAG:
        return _flag
    if kind is Kind.WORDS:
        return _words
    return str


def _uuid(value: Any) -> str:
    found = parse_uuid(str(value))
    if found is None:
        raise ValueError("no UUID")
    return str(found)


def _instant(value: Any) -> datetime:
    moment = datetime.fromisoformat(str(value).replace(" ", "T"))
    if moment.tzinfo is None:
        moment = moment.fromisoformat(f"{moment.isoformat()}+00:00")
    return moment


def _flag(value: Any) -> bool:
    if value in (True, "true", "t"):
        return True
    if value in (False, "false", "f"):
        return False
    raise ValueError("no flag")


def _words(value: Any) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(value)
    text = str(value)
    if not (text.startswith("{") and text.endswith("}")):
        raise ValueError("no list")
    return tuple(_unquoted(one) for one in _split(text[1:-1])) if text != "{}" else ()


def _is(found: Any, word: str) -> bool:
    if word in ("null", "unknown"):
        return found is None
    if word == "not_null":
        return found is not None
    return found is (word == "true")


def like(text: str, pattern: str) -> bool:
    """Whether SQL's `like` holds, in time that grows no faster than the two together."""
    at = mark = back = 0
    signs = _signs(pattern)
    star = -1
    while at < len(text):
        sign = signs[mark] if mark < len(signs) else None
        if sign == ("%", False):
            star, back, mark = mark, at, mark + 1
        elif sign is not None and (sign == ("_", False) or sign[0] == text[at]):
            at, mark = at + 1, mark + 1
        elif star >= 0:
            back += 1
            at, mark = back, star + 1
        else:
            return False
    return all(sign == ("%", False) for sign in signs[mark:])


def _signs(pattern: str) -> list[tuple[str, bool]]:
    """The signs of a pattern, each with whether it stands for itself."""
    found: list[tuple[str, bool]] = []
    signs = iter(pattern)
    for sign in signs:
        if sign == "\\":
            found.append((next(signs, "\\"), True))
        else:
            found.append((sign, sign not in "%_"))
    return found


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda here, value: here == value,
    "neq": lambda here, value: here != value,
    "lt": lambda here, value: here < value,
    "lte": lambda here, value: here <= value,
    "gt": lambda here, value: here > value,
    "gte": lambda here, value: here >= value,
    "in": lambda here, value: here in value,
    "like": like,
    "ilike": lambda here, value: like(here.lower(), value.lower()),
}
