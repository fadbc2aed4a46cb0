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

from monynha.core.errors import ValidationFailedError
from monynha.core.serialization import format_timestamp, parse_timestamp, parse_uuid
from monynha.engine.schema.columns import ColumnRules, ColumnType
from monynha.engine.schema.resource import Field, Resource

ColumnValues = dict[str, object]
"""Column names with the values to be bound."""


def parse_create(resource: Resource, body: object) -> ColumnValues:
    """Return what a create writes; Invalid names every field that stands against it."""
    inputs = _creatable_fields(resource)
    problems: dict[str, object] = {}
    values = _parse_fields(resource, _require_object(body), inputs, problems)
    for name, field in inputs.fields.items():
        assert field.column is not None
        if field.rules.lookup is not None:
            _check_lookup(name, field, values, problems)
        elif name not in problems and field.column.name not in values and not field.rules.has_default:
            problems[name] = "is required"
        forbidden_values = resource.forbidden_on_create.get(name)
        if forbidden_values is not None and values.get(field.column.name) in forbidden_values:
            problems[name] = f"cannot be {values[field.column.name]} from the start"
    return _raise_problems(problems, values)


def parse_update(resource: Resource, body: object) -> ColumnValues:
    """Return what an update writes: only what the body names."""
    problems: dict[str, object] = {}
    return _raise_problems(
        problems, _parse_fields(resource, _require_object(body), _updatable_fields(resource), problems)
    )


def unwrap_data(body: object) -> object:
    """Return the body without its wrapper: an object with the single key `data` that holds an object."""
    if isinstance(body, dict) and len(body) == 1 and isinstance(body.get("data"), dict):
        return body["data"]
    return body


@dataclass(frozen=True, slots=True)
class _InputFields:
    """The fields that a body may name, and the words by which some of them are found instead."""

    fields: dict[str, Field]
    lookup_inputs: frozenset[str]

    @classmethod
    def of(cls, fields: dict[str, Field]) -> Self:
        rules = [one.rules.lookup for one in fields.values()]
        return cls(fields, frozenset(one[0] for one in rules if one is not None))


@cache
def _creatable_fields(resource: Resource) -> _InputFields:
    return _InputFields.of({name: one for name, one in resource.fields.items() if one.rules.is_creatable})


@cache
def _updatable_fields(resource: Resource) -> _InputFields:
    return _InputFields.of({name: one for name, one in resource.fields.items() if one.rules.is_updatable})


def _require_object(body: object) -> dict[str, object]:
    if not isinstance(body, dict):
        raise ValidationFailedError("The validation of the request failed: the body must be an object.")
    return body


def _raise_problems(problems: dict[str, object], values: ColumnValues) -> ColumnValues:
    if problems:
        raise ValidationFailedError.from_field_errors(problems)
    return values


def _parse_fields(
    resource: Resource, body: dict[str, object], inputs: _InputFields, problems: dict[str, object]
) -> ColumnValues:
    values: ColumnValues = {}
    for name, value in body.items():
        field = inputs.fields.get(name)
        try:
            if field is not None and field.column is not None:
                values[field.column.name] = parse_value(field, value)
            elif name in inputs.lookup_inputs:
                values[name] = _parse_email(value)
            else:
                problems[name[:100]] = "is read-only" if name in resource.fields else "is not known"
        except ValueError as error:
            problems[name] = str(error)
    return values


def _check_lookup(name: str, field: Field, values: ColumnValues, problems: dict[str, object]) -> None:
    assert field.column is not None
    assert field.rules.lookup is not None
    lookup_input = field.rules.lookup[0]
    given_inputs = [word for word in (field.column.name, lookup_input) if word in values]
    if not given_inputs and name not in problems and lookup_input not in problems:
        problems[name] = f"is required, or {lookup_input}"
    elif len(given_inputs) == 2:
        problems[name] = f"and {lookup_input} exclude each other"


def parse_value(field: Field, value: object) -> object:
    """Return a field's value as it is bound (ValueError says what it must be)."""
    if value is None:
        if field.is_nullable:
            return None
        raise ValueError("must not be null")
    return _PARSERS[field.rules.type](value, field.rules)


def _parse_text(value: object, rules: ColumnRules) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a text")
    if "\x00" in value:
        raise ValueError("must not hold a NUL")
    text = value.strip() if rules.is_trimmed else value
    if len(text) < rules.min_length:
        raise ValueError("must not be empty")
    if rules.max_length is not None:
        if rules.is_trimmed and len(text) > rules.max_length:
            raise ValueError(f"must be at most {rules.max_length} characters")
        if not rules.is_trimmed and len(text.encode()) > rules.max_length:
            raise ValueError(f"must be at most {rules.max_length} bytes")
    return text


def _parse_choice(value: object, rules: ColumnRules) -> str:
    if not isinstance(value, str) or value not in rules.choices:
        raise ValueError(f"must be one of {', '.join(rules.choices)}")
    return value


def _parse_id(value: object, rules: ColumnRules) -> object:
    id = parse_uuid(value) if isinstance(value, str) else None
    if id is None:
        raise ValueError("must be a UUID")
    return id


def _parse_timestamp(value: object, rules: ColumnRules) -> object:
    if not isinstance(value, str):
        raise ValueError("must be an RFC 3339 time with an offset, as 2026-01-31T09:00:00Z")
    # As text: the driver takes the first and the last moment there is for infinity.
    return format_timestamp(parse_timestamp(value))


def _parse_text_list(value: object, rules: ColumnRules) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise ValueError("must be a list of texts")
    if rules.max_length is not None and len(value) > rules.max_length:
        raise ValueError(f"must be at most {rules.max_length} texts")
    texts = [word.strip() for word in value]
    if any(not 1 <= len(word) <= rules.min_length or "\x00" in word for word in texts):
        raise ValueError(f"must be texts of 1 to {rules.min_length} characters")
    return texts


def _parse_json_object(value: object, rules: ColumnRules) -> str:
    if not isinstance(value, dict):
        raise ValueError("must be an object")
    try:
        text = orjson.dumps(value)
    except TypeError:
        raise ValueError("must not hold integers beyond 64 bits") from None
    if rules.max_length is not None and len(text) > rules.max_length:
        raise ValueError(f"must be at most {rules.max_length} bytes")
    if b"\\u0000" in text and "\x00" in _all_text(value):
        raise ValueError("must not hold a NUL")
    return text.decode()


def _all_text(value: object) -> str:
    if isinstance(value, dict):
        return "".join(key + _all_text(item) for key, item in value.items())
    if isinstance(value, list):
        return "".join(map(_all_text, value))
    return value if isinstance(value, str) else ""


def _parse_url(value: object, rules: ColumnRules) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a text")
    try:
        url = urlsplit(value)
        # To ask for the port is to check it.
        is_web = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        is_web = False
    if not is_web or re.search(r"[\s\x00-\x1f\x7f<>\"'`\\]", value):
        raise ValueError("must be an http or https address")
    if rules.max_length is not None and len(value) > rules.max_length:
        raise ValueError(f"must be at most {rules.max_length} characters")
    return value


def _parse_email(value: object) -> str:
    if not isinstance(value, str) or not 3 <= len(value.strip()) <= 255 or "@" not in value or "\x00" in value:
        raise ValueError("must be a mail address")
    # Accounts keep addresses composed and in lower case.
    return normalize("NFC", value.strip()).lower()


_PARSERS: dict[ColumnType, Callable[[Any, ColumnRules], object]] = {
    ColumnType.UUID: _parse_id,
    ColumnType.TEXT: _parse_text,
    ColumnType.ENUM: _parse_choice,
    ColumnType.TIMESTAMP: _parse_timestamp,
    ColumnType.TEXT_LIST: _parse_text_list,
    ColumnType.JSON_OBJECT: _parse_json_object,
    ColumnType.URL: _parse_url,
}
