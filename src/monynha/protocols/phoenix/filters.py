"""Filters of `postgres_changes`: `column=op.value`, several with commas between, all of which must hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column

from monynha.core.serialization import parse_uuid
from monynha.engine.schema.columns import ColumnType
from monynha.engine.schema.resource import Resource

_MAX_IN_VALUES = 100
_CONDITION_SYNTAX = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]{0,62})=(not\.)?([a-z]+)\.(.*)", re.DOTALL)
_TEXT_KINDS = (ColumnType.TEXT, ColumnType.ENUM, ColumnType.URL)


class FilterError(Exception):
    """A filter that cannot be read; the message is for whoever wrote it."""


@dataclass(frozen=True)
class Condition:
    """One comparison of a column with a value that has the column's type."""

    column: str
    operator: str
    is_negated: bool
    value: Any
    parse: Callable[[Any], Any]

    @property
    def is_regex(self) -> bool:
        """Whether PostgreSQL must decide, by its regular expressions: Python's can take for ever."""
        return self.operator in ("match", "imatch")

    def matches(self, row: Mapping[str, Any]) -> bool:
        """Whether the row meets it, as SQL would say: null is nothing but null."""
        raw = row.get(self.column)
        if self.operator == "is":
            return _is_literal(raw, self.value) != self.is_negated
        actual = None if raw is None else self.parse(raw)
        if self.operator == "isdistinct":
            return bool(actual != self.value) != self.is_negated
        if actual is None:
            return False
        return bool(_OPERATORS[self.operator](actual, self.value)) != self.is_negated


def parse_filter(resource: Resource, text: object) -> tuple[Condition, ...]:
    """Read a filter over a resource's columns (BadFilter)."""
    if text is None or (isinstance(text, str) and not text.strip()):
        return ()
    if not isinstance(text, str) or len(text) > 10_000:
        raise FilterError("Error parsing `filter` params: it must be a text")
    columns = {one.name: one for one in resource.logged_columns}
    return tuple(_parse_condition(columns, one) for one in _split_at_commas(text))


def _parse_condition(columns: Mapping[str, Column[Any]], text: str) -> Condition:
    match = _CONDITION_SYNTAX.fullmatch(text)
    if match is None:
        raise FilterError(f"Error parsing `filter` params: {text[:200]!r} is no column=op.value")
    name, negated, operator, value = match.groups()
    if name not in columns:
        raise FilterError(f"invalid column for filter {name}")
    parse = _value_parser(columns[name])
    if operator in ("like", "ilike", "match", "imatch"):
        if columns[name].info["rules"].kind not in _TEXT_KINDS:
            raise FilterError(f"operator {operator} needs a text, which {name} is not")
        operand: Any = _unquote(value)
    elif operator == "in":
        operand = _parse_list(value, parse, name)
    elif operator == "is":
        if value not in ("null", "true", "false", "unknown", "not_null"):
            raise FilterError(f"Error parsing `filter` params: {name}=is.{value[:40]}")
        operand = value
    elif operator in _OPERATORS or operator == "isdistinct":
        operand = _parse_value(parse, _unquote(value), name)
    else:
        raise FilterError(f"Error parsing `filter` params: there is no operator {operator!r}")
    return Condition(name, operator, negated is not None, operand, parse)


def _parse_list(text: str, parse: Callable[[Any], Any], column: str) -> frozenset[Any]:
    if not (text.startswith("(") and text.endswith(")")):
        raise FilterError(f"Error parsing `filter` params: {column}=in.(a,b)")
    values = list(_split_at_commas(text[1:-1])) if text != "()" else []
    if len(values) > _MAX_IN_VALUES:
        raise FilterError(f"Error parsing `filter` params: in takes at most {_MAX_IN_VALUES} values")
    try:
        return frozenset(_parse_value(parse, _unquote(one.strip()), column) for one in values)
    except TypeError:
        raise FilterError(f"operator in cannot compare {column}") from None


def _split_at_commas(text: str) -> Iterator[str]:
    """Split at commas that stand outside quotes, parentheses and braces."""
    part, depth, is_quoted, is_escaped = "", 0, False, False
    for character in text:
        if is_escaped:
            is_escaped = False
        elif is_quoted and character == "\\":
            is_escaped = True
        elif character == '"':
            is_quoted = not is_quoted
        elif not is_quoted and character in "(){}":
            depth += 1 if character in "({" else -1
        elif character == "," and not is_quoted and depth == 0:
            yield part
            part = ""
            continue
        part += character
    yield part


def _unquote(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
    return text


def _parse_value(parse: Callable[[Any], Any], text: str, column: str) -> Any:
    try:
        return parse(text)
    except (ValueError, OverflowError):
        raise FilterError(f"invalid value for filter {column}: {text[:100]!r}") from None


def _value_parser(column: Column[Any]) -> Callable[[Any], Any]:
    kind = column.info["rules"].kind
    if kind is ColumnType.UUID:
        return _parse_uuid_text
    if kind is ColumnType.TIMESTAMP:
        return _parse_instant
    if kind is ColumnType.ROW_VERSION:
        return int
    if kind is ColumnType.BOOLEAN:
        return _parse_flag
    if kind is ColumnType.TEXT_LIST:
        return _parse_text_array
    return str


def _parse_uuid_text(value: Any) -> str:
    parsed = parse_uuid(str(value))
    if parsed is None:
        raise ValueError("no UUID")
    return str(parsed)


def _parse_instant(value: Any) -> datetime:
    instant = datetime.fromisoformat(str(value).replace(" ", "T"))
    if instant.tzinfo is None:
        instant = instant.fromisoformat(f"{instant.isoformat()}+00:00")
    return instant


def _parse_flag(value: Any) -> bool:
    if value in (True, "true", "t"):
        return True
    if value in (False, "false", "f"):
        return False
    raise ValueError("no flag")


def _parse_text_array(value: Any) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(value)
    text = str(value)
    if not (text.startswith("{") and text.endswith("}")):
        raise ValueError("no list")
    return tuple(_unquote(one) for one in _split_at_commas(text[1:-1])) if text != "{}" else ()


def _is_literal(actual: Any, literal: str) -> bool:
    if literal in ("null", "unknown"):
        return actual is None
    if literal == "not_null":
        return actual is not None
    return actual is (literal == "true")


def matches_like(text: str, pattern: str) -> bool:
    """Whether SQL's `like` holds, in time that grows no faster than the two together."""
    text_index = pattern_index = retry_index = 0
    pattern_characters = _pattern_characters(pattern)
    star_index = -1
    while text_index < len(text):
        character = pattern_characters[pattern_index] if pattern_index < len(pattern_characters) else None
        if character == ("%", False):
            star_index, retry_index, pattern_index = pattern_index, text_index, pattern_index + 1
        elif character is not None and (character == ("_", False) or character[0] == text[text_index]):
            text_index, pattern_index = text_index + 1, pattern_index + 1
        elif star_index >= 0:
            retry_index += 1
            text_index, pattern_index = retry_index, star_index + 1
        else:
            return False
    return all(sign == ("%", False) for sign in pattern_characters[pattern_index:])


def _pattern_characters(pattern: str) -> list[tuple[str, bool]]:
    """The signs of a pattern, each with whether it stands for itself."""
    characters: list[tuple[str, bool]] = []
    iterator = iter(pattern)
    for character in iterator:
        if character == "\\":
            characters.append((next(iterator, "\\"), True))
        else:
            characters.append((character, character not in "%_"))
    return characters


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda here, value: here == value,
    "neq": lambda here, value: here != value,
    "lt": lambda here, value: here < value,
    "lte": lambda here, value: here <= value,
    "gt": lambda here, value: here > value,
    "gte": lambda here, value: here >= value,
    "in": lambda here, value: here in value,
    "like": matches_like,
    "ilike": lambda here, value: matches_like(here.lower(), value.lower()),
}
