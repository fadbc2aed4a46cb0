"""Parse and evaluate filters of `postgres_changes`: conditions `column=operator.value`, separated by commas.

All conditions of a filter must hold. They behave as in SQL: a comparison with null is not true.
"""

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
from monynha.protocols.phoenix.regex import Regex

_MAX_FILTER_LENGTH = 10_000
_MAX_IN_VALUES = 100
_CONDITION_SYNTAX = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]{0,62})=(not\.)?([a-z]+)\.(.*)", re.DOTALL)
_TEXT_TYPES = (ColumnType.TEXT, ColumnType.ENUM, ColumnType.URL)
_PARSE_ERROR = "Error parsing `filter` params"


class FilterError(Exception):
    """A filter is invalid; the message is for the client."""


@dataclass(frozen=True)
class Condition:
    """One comparison of a column with a value of the column's type."""

    column: str
    is_negated: bool
    compare: Callable[[object], bool]
    """Compares the column's JSON value; not used if there is a `regex`."""
    accepts_null: bool = False
    """Whether null is compared too; otherwise null never matches, negated or not."""
    equal_values: frozenset[object] | None = None
    """The only values that match, for `eq` and `in` that are not negated."""
    regex: Regex | None = None
    """The pattern of `match` and `imatch`, which only PostgreSQL evaluates."""

    def matches(self, row: Mapping[str, object]) -> bool:
        """Whether a row meets the condition."""
        value = row.get(self.column)
        if value is None and not self.accepts_null:
            return False
        return self.compare(value) != self.is_negated


def parse_filter(resource: Resource, text: object) -> tuple[Condition, ...]:
    """Parse a filter over a resource's columns; FilterError if it is invalid."""
    if text is None or (isinstance(text, str) and not text.strip()):
        return ()
    if not isinstance(text, str) or len(text) > _MAX_FILTER_LENGTH:
        raise FilterError(f"{_PARSE_ERROR}: filter must be a text of at most {_MAX_FILTER_LENGTH} characters")
    columns = {column.name: column for column in resource.logged_columns}
    return tuple(_parse_condition(columns, part) for part in _split_at_commas(text))


def _parse_condition(columns: Mapping[str, Column[Any]], text: str) -> Condition:
    match = _CONDITION_SYNTAX.fullmatch(text)
    if match is None:
        raise FilterError(f"{_PARSE_ERROR}: expected column=operator.value instead of {text[:200]!r}")
    name, negation, operator, operand = match.groups()
    if name not in columns:
        raise FilterError(f"invalid column for filter {name}")
    is_negated = negation is not None
    if operator in ("match", "imatch"):
        _require_text(columns[name], operator)
        regex = Regex(_unquote(operand), ignores_case=operator == "imatch")
        return Condition(name, is_negated, lambda _: False, regex=regex)
    if operator == "is":
        if operand not in ("null", "true", "false", "unknown", "not_null"):
            raise FilterError(f"{_PARSE_ERROR}: {name}=is.{operand[:40]}")
        return Condition(name, is_negated, lambda value: _is_literal(value, operand), accepts_null=True)
    return _comparison(columns[name], operator, operand, is_negated=is_negated)


def _comparison(column: Column[Any], operator: str, operand: str, *, is_negated: bool) -> Condition:
    parse = _value_parser(column)
    if operator in ("like", "ilike"):
        _require_text(column, operator)
    elif operator not in _OPERATORS and operator != "isdistinct":
        raise FilterError(f"{_PARSE_ERROR}: unknown operator {operator!r}")
    if operator == "in":
        expected: Any = _parse_list(operand, parse, column.name)
    else:
        expected = _parse_value(parse, _unquote(operand), column.name)
    if operator == "isdistinct":
        return Condition(
            column.name,
            is_negated,
            lambda value: (None if value is None else parse(value)) != expected,
            accepts_null=True,
        )
    compare = _OPERATORS[operator]
    equal_values = None
    if not is_negated and operator in ("eq", "in"):
        equal_values = frozenset([expected]) if operator == "eq" else expected
    return Condition(column.name, is_negated, lambda value: compare(parse(value), expected), equal_values=equal_values)


def _require_text(column: Column[Any], operator: str) -> None:
    if column.info["rules"].type not in _TEXT_TYPES:
        raise FilterError(f"operator {operator} needs a text column, and {column.name} is not one")


def _parse_list(text: str, parse: Callable[[object], Any], column_name: str) -> frozenset[Any]:
    if not (text.startswith("(") and text.endswith(")")):
        raise FilterError(f"{_PARSE_ERROR}: expected {column_name}=in.(value,value)")
    values = list(_split_at_commas(text[1:-1])) if text != "()" else []
    if len(values) > _MAX_IN_VALUES:
        raise FilterError(f"{_PARSE_ERROR}: in takes at most {_MAX_IN_VALUES} values")
    try:
        return frozenset(_parse_value(parse, _unquote(value.strip()), column_name) for value in values)
    except TypeError:
        raise FilterError(f"operator in cannot compare {column_name}") from None


def _split_at_commas(text: str) -> Iterator[str]:
    """Split at commas outside quotes, parentheses and braces."""
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


def _parse_value(parse: Callable[[object], Any], text: str, column_name: str) -> Any:
    try:
        return parse(text)
    except (ValueError, OverflowError):
        raise FilterError(f"invalid value for filter {column_name}: {text[:100]!r}") from None


def _value_parser(column: Column[Any]) -> Callable[[object], Any]:
    """Return what turns the operand of a filter, or a JSON value of an event, into a comparable value."""
    return _VALUE_PARSERS.get(column.info["rules"].type, str)


def _parse_uuid_text(value: object) -> str:
    parsed = parse_uuid(str(value))
    if parsed is None:
        raise ValueError("must be a UUID")
    return str(parsed)


def _parse_timestamp(value: object) -> datetime:
    """Return a timestamp; without an offset it is in UTC, as PostgreSQL reads it here."""
    timestamp = datetime.fromisoformat(str(value).replace(" ", "T"))
    if timestamp.tzinfo is None:
        timestamp = datetime.fromisoformat(f"{timestamp.isoformat()}+00:00")
    return timestamp


def _parse_boolean(value: object) -> bool:
    if value in (True, "true", "t"):
        return True
    if value in (False, "false", "f"):
        return False
    raise ValueError("must be true or false")


def _parse_text_array(value: object) -> tuple[object, ...]:
    if isinstance(value, list):
        return tuple(value)
    text = str(value)
    if not (text.startswith("{") and text.endswith("}")):
        raise ValueError("must be an array literal")
    return tuple(_unquote(part) for part in _split_at_commas(text[1:-1])) if text != "{}" else ()


def _is_literal(value: object, literal: str) -> bool:
    if literal in ("null", "unknown"):
        return value is None
    if literal == "not_null":
        return value is not None
    return value is (literal == "true")


def matches_like(text: str, pattern: str) -> bool:
    """Whether SQL's `like` holds, in at most len(text) * len(pattern) steps.

    On a mismatch after `%`, matching restarts one character later in the text; only the last `%` needs that.
    """
    characters = _pattern_characters(pattern)
    text_index = pattern_index = retry_index = 0
    star_index = -1
    while text_index < len(text):
        character = characters[pattern_index] if pattern_index < len(characters) else None
        if character == ("%", False):
            star_index, retry_index, pattern_index = pattern_index, text_index, pattern_index + 1
        elif character is not None and (character == ("_", False) or character[0] == text[text_index]):
            text_index, pattern_index = text_index + 1, pattern_index + 1
        elif star_index >= 0:
            retry_index += 1
            text_index, pattern_index = retry_index, star_index + 1
        else:
            return False
    return all(character == ("%", False) for character in characters[pattern_index:])


def _pattern_characters(pattern: str) -> list[tuple[str, bool]]:
    """Return the characters of a `like` pattern, each with whether it is literal."""
    characters: list[tuple[str, bool]] = []
    iterator = iter(pattern)
    for character in iterator:
        if character == "\\":
            characters.append((next(iterator, "\\"), True))
        else:
            characters.append((character, character not in "%_"))
    return characters


_VALUE_PARSERS: Mapping[ColumnType, Callable[[object], Any]] = {
    ColumnType.UUID: _parse_uuid_text,
    ColumnType.TIMESTAMP: _parse_timestamp,
    ColumnType.ROW_VERSION: lambda value: int(str(value)),
    ColumnType.BOOLEAN: _parse_boolean,
    ColumnType.TEXT_LIST: _parse_text_array,
}
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda actual, expected: bool(actual == expected),
    "neq": lambda actual, expected: bool(actual != expected),
    "lt": lambda actual, expected: bool(actual < expected),
    "lte": lambda actual, expected: bool(actual <= expected),
    "gt": lambda actual, expected: bool(actual > expected),
    "gte": lambda actual, expected: bool(actual >= expected),
    "in": lambda actual, expected: bool(actual in expected),
    "like": matches_like,
    "ilike": lambda actual, expected: matches_like(actual.lower(), expected.lower()),
}
