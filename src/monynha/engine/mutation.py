"""What is changed: a body read by the resource's declaration, with all its problems told at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Self
from unicodedata import normalize
from urllib.parse import urlsplit

import orjson

from monynha.core.errors import Invalid
from monynha.core.wire import format_instant, parse_instant, parse_uuid
from monynha.engine.model import Kind, Rules
from monynha.engine.resource import Field, Resource

Values = dict[str, object]
"""Column names with the values to be bound."""


def read_create(resource: Resource, body: object) -> Values:
    """Return what a create writes; Invalid names every field that stands against it."""
    inputs = _creatable(resource)
    problems: dict[str, object] = {}
    values = _read(resource, _object(body), inputs, problems)
    for name, one in inputs.fields.items():
        assert one.column is not None
        if one.rules.found_by is not None:
            _check_found_by(name, one, values, problems)
        elif name not in problems and one.column.name not in values and not one.rules.default:
            problems[name] = "is required"
        refused = resource.not_created_with.get(name)
        if refused is not None and values.get(one.column.name) in refused:
            problems[name] = f"cannot be {values[one.column.name]} from the start"
    return _unless(problems, values)


def read_update(resource: Resource, body: object) -> Values:
    """Return what an update writes: only what the body names."""
    problems: dict[str, object] = {}
    return _unless(problems, _read(resource, _object(body), _updatable(resource), problems))


def unwrapped(body: object) -> object:
    """Return the body without its wrapper: an object with the single key `data` that holds an object."""
    if isinstance(body, dict) and len(body) == 1 and isinstance(body.get("data"), dict):
        return body["data"]
    return body


@dataclass(frozen=True, slots=True)
class _Inputs:
    """The fields that a body may name, and the words by which some of them are found instead."""

    fields: dict[str, Field]
    found_by: frozenset[str]

    @classmethod
    def of(cls, fields: dict[str, Field]) -> Self:
        rules = [one.rules.found_by for one in fields.values()]
        return cls(fields, frozenset(one[0] for one in rules if one is not None))


@cache
def _creatable(resource: Resource) -> _Inputs:
    return _Inputs.of({name: one for name, one in resource.fields.items() if one.rules.creatable})


@cache
def _updatable(resource: Resource) -> _Inputs:
    return _Inputs.of({name: one for name, one in resource.fields.items() if one.rules.updatable})


def _object(body: object) -> dict[str, object]:
    if not isinstance(body, dict):
        raise Invalid("The validation of the request failed: the body must be an object.")
    return body


def _unless(problems: dict[str, object], values: Values) -> Values:
    if problems:
        raise Invalid.of(problems)
    return values


def _read(
    resource: Resource, body: dict[str, object], inputs: _Inputs, problems: dict[str, object]
) -> Values:
    values: Values = {}
    for name, value in body.items():
        one = inputs.fields.get(name)
        try:
            if one is not None and one.column is not None:
                values[one.column.name] = read_value(one, value)
            elif name in inputs.found_by:
                values[name] = _address(value)
            else:
                problems[name[:100]] = "is read-only" if name in resource.fields else "is not known"
        except ValueError as problem:
            problems[name] = str(problem)
    return values


def _check_found_by(name: str, one: Field, values: Values, problems: dict[str, object]) -> None:
    assert one.column is not None
    assert one.rules.found_by is not None
    other = one.rules.found_by[0]
    given = [word for word in (one.column.name, other) if word in values]
    if not given and name not in problems and other not in problems:
        problems[name] = f"is required, or {other}"
    elif len(given) == 2:
        problems[name] = f"and {other} exclude each other"


def read_value(one: Field, value: object) -> object:
    """Return a field's value as it is bound (ValueError says what it must be)."""
    if value is None:
        if one.nullable:
            return None
        raise ValueError("must not be null")
    return _READERS[one.rules.kind](value, one.rules)


def _text(value: object, rules: Rules) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a text")
    if "\x00" in value:
        raise ValueError("must not hold a NUL")
    text = value.strip() if rules.trimmed else value
    if len(text) < rules.least:
        raise ValueError("must not be empty")
    if rules.most is not None:
        if rules.trimmed and len(text) > rules.most:
            raise ValueError(f"must be at most {rules.most} characters")
        if not rules.trimmed and len(text.encode()) > rules.most:
            raise ValueError(f"must be at most {rules.most} bytes")
    return text


def _choice(value: object, rules: Rules) -> str:
    if not isinstance(value, str) or value not in rules.choices:
        raise ValueError(f"must be one of {', '.join(rules.choices)}")
    return value


def _id(value: object, rules: Rules) -> object:
    found = parse_uuid(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("must be a UUID")
    return found


def _instant(value: object, rules: Rules) -> object:
    if not isinstance(value, str):
        raise ValueError("must be an RFC 3339 time with an offset, as 2026-01-31T09:00:00Z")
    # As text: the driver takes the first and the last moment there is for infinity.
    return format_instant(parse_instant(value))


def _words(value: object, rules: Rules) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise ValueError("must be a list of texts")
    if rules.most is not None and len(value) > rules.most:
        raise ValueError(f"must be at most {rules.most} texts")
    found = [word.strip() for word in value]
    if any(not 1 <= len(word) <= rules.least or "\x00" in word for word in found):
        raise ValueError(f"must be texts of 1 to {rules.least} characters")
    return found


def _json_object(value: object, rules: Rules) -> str:
    if not isinstance(value, dict):
        raise ValueError("must be an object")
    try:
        text = orjson.dumps(value)
    except TypeError:
        raise ValueError("must not hold integers beyond 64 bits") from None
    if rules.most is not None and len(text) > rules.most:
        raise ValueError(f"must be at most {rules.most} bytes")
    if b"\\u0000" in text and "\x00" in _all_text(value):
        raise ValueError("must not hold a NUL")
    return text.decode()


def _all_text(value: object) -> str:
    if isinstance(value, dict):
        return "".join(key + _all_text(item) for key, item in value.items())
    if isinstance(value, list):
        return "".join(map(_all_text, value))
    return value if isinstance(value, str) else ""


def _url(value: object, rules: Rules) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a text")
    try:
        parts = urlsplit(value)
        # To ask for the port is to check it.
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_web = False
    if not is_web or re.search(r"[\s\x00-\x1f\x7f<>\"'`\\]", value):
        raise ValueError("must be an http or https address")
    if rules.most is not None and len(value) > rules.most:
        raise ValueError(f"must be at most {rules.most} characters")
    return value


def _address(value: object) -> str:
    if (
        not isinstance(value, str)
        or not 3 <= len(value.strip()) <= 255
        or "@" not in value
        or "\x00" in value
    ):
        raise ValueError("must be a mail address")
    # Accounts keep addresses composed and in lower case.
    return normalize("NFC", value.strip()).lower()


_READERS: dict[Kind, Callable[[Any, Rules], object]] = {
    Kind.ID: _id,
    Kind.TEXT: _text,
    Kind.CHOICE: _choice,
    Kind.INSTANT: _instant,
    Kind.WORDS: _words,
    Kind.OBJECT: _json_object,
    Kind.URL: _url,
}
