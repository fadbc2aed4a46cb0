"""Names, JSON, UUIDs and timestamps in the form that clients see, and the strict parsers of those forms."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from functools import cache
from math import isfinite
from typing import NoReturn
from uuid import UUID

import orjson

from monynha.core.errors import BadRequestError

MAX_JSON_DEPTH = 32
"""How many levels deep a JSON body may be nested."""

_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d{1,9})?([Zz]|[+-]\d\d:[0-5]\d)", re.ASCII)
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_NOT_CANONICAL = object()


@cache
def to_camel_case(name: str) -> str:
    """Return a snake_case name as camelCase: `created_at` becomes `createdAt`."""
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


def parse_uuid(text: str) -> UUID | None:
    """Return the UUID of its canonical text form (8-4-4-4-12 hex digits), or None."""
    return UUID(text) if _UUID.fullmatch(text) else None


def parse_timestamp(text: str) -> datetime:
    """Return an RFC 3339 timestamp in UTC; raise ValueError without an offset or outside the years 1 to 9999."""
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        raise ValueError("must be an RFC 3339 time with an offset, as 2026-01-31T09:00:00Z")
    day, clock, fraction, offset = match.groups()
    fraction = (fraction or ".0")[1:7].ljust(6, "0")
    offset = "+00:00" if offset in "Zz" else offset
    try:
        return datetime.fromisoformat(f"{day}T{clock}.{fraction}{offset}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a time that exists, between the years 1 and 9999") from None


def format_timestamp(timestamp: datetime) -> str:
    """Return a timestamp as RFC 3339 in UTC with `Z` and six fraction digits."""
    return timestamp.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rjust(26, "0") + "Z"


def parse_json(body: bytes) -> object:
    """Return the value of a JSON body; reject what RFC 8259 leaves to the receiver and parsers disagree on.

    Raises BadRequestError for text that is not UTF-8, duplicate keys, lone surrogates, NaN and Infinity, numbers
    out of range, and nesting deeper than 32 levels.
    """
    value = _parse_canonical(body)
    if value is _NOT_CANONICAL:
        return _parse_strictly(body)
    _check_depth(value, 1)
    return value


def _parse_canonical(body: bytes) -> object:
    """Return the value if it serializes to the same bytes, as most bodies do: then the fast parser lost nothing."""
    try:
        value = orjson.loads(body)
        return value if orjson.dumps(value) == body else _NOT_CANONICAL
    except (ValueError, TypeError):
        return _NOT_CANONICAL


def _parse_strictly(body: bytes) -> object:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequestError("The body is not valid UTF-8.") from None
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise BadRequestError(f"The body is nested more than {MAX_JSON_DEPTH} levels deep.") from None
    except ValueError:
        raise BadRequestError("The body is not valid JSON.") from None
    _check_depth(value, 1)
    if "\\u" in text and _has_surrogate(value):
        raise BadRequestError("The body contains a lone surrogate, which is not a character.")
    return value


def _reject_duplicate_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        names = [name for name, _ in pairs]
        duplicate = next(name for name in names if names.count(name) > 1)
        printable = _SURROGATE.sub("�", duplicate)[:100]
        raise BadRequestError("The body has a duplicate key.", details={printable: "is a duplicate key"})
    return entries


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not valid JSON")


def _parse_integer(digits: str) -> int:
    # No column can store more digits, and int() takes quadratic time for them.
    if len(digits) > 400:
        raise BadRequestError("The body contains a number that is out of range.")
    return int(digits)


def _parse_finite(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise BadRequestError("The body contains a number that is out of range.")
    return number


_DECODER = json.JSONDecoder(
    object_pairs_hook=_reject_duplicate_keys,
    parse_constant=_reject_constant,
    parse_int=_parse_integer,
    parse_float=_parse_finite,
)


def _check_depth(value: object, depth: int) -> None:
    if not isinstance(value, dict | list):
        return
    if depth > MAX_JSON_DEPTH:
        raise BadRequestError(f"The body is nested more than {MAX_JSON_DEPTH} levels deep.")
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, dict | list):
            _check_depth(item, depth + 1)


def _has_surrogate(value: object) -> bool:
    if isinstance(value, str):
        return _SURROGATE.search(value) is not None
    if isinstance(value, dict):
        return any(_has_surrogate(key) or _has_surrogate(item) for key, item in value.items())
    return isinstance(value, list) and any(map(_has_surrogate, value))
