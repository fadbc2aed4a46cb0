"""Validates the body of a create or an update by the resource's declaration, and reports all problems at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Self
from unicodedata import normalize
from urllib.parse import urlsplit

import orjson

from monynha.core.errors import ValidationFailedError
from monynha.core.serialization import format_timestamp, parse_timestamp, parse_uuid
from monynha.engine.schema.columns import ColumnRules, ColumnType
from monynha.engine.schema.resource import Field, Resource

ColumnValues = dict[str, object]
"""Values to be bound, by the name of their column (or of a lookup input)."""


def parse_create(resource: Resource, body: object) -> ColumnValues:
    """Return what a create writes; ValidationFailedError names every invalid field."""
    inputs = _creatable_fields(resource)
    problems: dict[str, object] = {}
    values = _parse_fields(resource, require_object(body), inputs, problems)
    for name, (column, field) in inputs.fields.items():
        if field.rules.lookup is not None:
            _check_lookup(name, field.rules.lookup.input_name, problems, is_given=column in values, values=values)
        elif name not in problems and column not in values and not field.rules.has_default:
            problems[name] = "is required"
        forbidden_values = resource.forbidden_on_create.get(name)
        if forbidden_values is not None and values.get(column) in forbidden_values:
            problems[name] = f"must not be {values[column]} on create"
    return _raise_problems(problems, values)


def parse_update(resource: Resource, body: object) -> ColumnValues:
    """Return what an update writes: only what the body names; ValidationFailedError names every invalid field."""
    problems: dict[str, object] = {}
    values = _parse_fields(resource, require_object(body), _updatable_fields(resource), problems)
    return _raise_problems(problems, values)


def unwrap_data(body: object) -> object:
    """Return the body without its wrapper, an object with the single key `data` that holds an object."""
    if isinstance(body, dict) and len(body) == 1 and isinstance(body.get("data"), dict):
        return body["data"]
    return body


def parse_value(field: Field, value: object) -> object:
    """Return a field's value as it is bound; ValueError says what it must be."""
    if value is None:
        if field.is_nullable:
            return None
        raise ValueError("must not be null")
    return _PARSERS[field.rules.type](value, field.rules)


@dataclass(frozen=True, slots=True)
class _InputFields:
    """The fields that a body may contain, and the inputs by which some of them are looked up."""

    fields: dict[str, tuple[str, Field]]
    """The column and the field, by the field's name."""
    lookup_inputs: frozenset[str]

    @classmethod
    def of(cls, fields: Iterable[Field]) -> Self:
        stored = {field.name: (field.column.name, field) for field in fields if field.column is not None}
        lookups = (field.rules.lookup for _, field in stored.values() if field.rules.lookup is not None)
        return cls(stored, frozenset(lookup.input_name for lookup in lookups))


@cache
def _creatable_fields(resource: Resource) -> _InputFields:
    return _InputFields.of(field for field in resource.fields.values() if field.rules.is_creatable)


@cache
def _updatable_fields(resource: Resource) -> _InputFields:
    return _InputFields.of(field for field in resource.fields.values() if field.rules.is_updatable)


def require_object(body: object) -> dict[str, object]:
    """Return the body if it is a JSON object; raise ValidationFailedError otherwise."""
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
        try:
            if name in inputs.fields:
                column, field = inputs.fields[name]
                values[column] = parse_value(field, value)
            elif name in inputs.lookup_inputs:
                values[name] = _parse_email(value)
            else:
                problems[name[:100]] = "is read-only" if name in resource.fields else "is not known"
        except ValueError as error:
            problems[name] = str(error)
    return values


def _check_lookup(
    name: str, lookup_input: str, problems: dict[str, object], *, is_given: bool, values: ColumnValues
) -> None:
    is_lookup_given = lookup_input in values
    if is_given and is_lookup_given:
        problems[name] = f"must not be combined with {lookup_input}"
    elif not is_given and not is_lookup_given and name not in problems and lookup_input not in problems:
        problems[name] = f"is required, or {lookup_input}"


def _parse_text(value: object, rules: ColumnRules) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    if "\x00" in value:
        raise ValueError("must not contain a NUL")
    text = value.strip() if rules.is_trimmed else value
    if len(text) < rules.min_length:
        raise ValueError("must not be empty")
    if rules.max_length is not None and len(text) > rules.max_length:
        raise ValueError(f"must be at most {rules.max_length} characters")
    if rules.max_bytes is not None and len(text.encode()) > rules.max_bytes:
        raise ValueError(f"must be at most {rules.max_bytes} bytes")
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
    # Sent as text, because asyncpg encodes the earliest and the latest time as infinity.
    return format_timestamp(parse_timestamp(value))


def _parse_text_list(value: object, rules: ColumnRules) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("must be a list of strings")
    if rules.max_items is not None and len(value) > rules.max_items:
        raise ValueError(f"must have at most {rules.max_items} items")
    texts = [item.strip() for item in value]
    if not all(texts) or "\x00" in "".join(texts):
        raise ValueError("must have items that are not empty and contain no NUL")
    if rules.max_item_length is not None and any(len(text) > rules.max_item_length for text in texts):
        raise ValueError(f"must have items of at most {rules.max_item_length} characters")
    return texts


def _parse_json_object(value: object, rules: ColumnRules) -> str:
    if not isinstance(value, dict):
        raise ValueError("must be an object")
    try:
        text = orjson.dumps(value)
    except TypeError:
        raise ValueError("must not contain integers beyond 64 bits") from None
    if rules.max_bytes is not None and len(text) > rules.max_bytes:
        raise ValueError(f"must be at most {rules.max_bytes} bytes")
    if b"\\u0000" in text and "\x00" in _all_text(value):
        raise ValueError("must not contain a NUL")
    return text.decode()


def _all_text(value: object) -> str:
    if isinstance(value, dict):
        return "".join(key + _all_text(item) for key, item in value.items())
    if isinstance(value, list):
        return "".join(map(_all_text, value))
    return value if isinstance(value, str) else ""


def _parse_boolean(value: object, rules: ColumnRules) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _parse_url(value: object, rules: ColumnRules) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    if rules.own_path and re.fullmatch(rules.own_path, value):
        return value
    try:
        url = urlsplit(value)
        # Reading the port validates it.
        is_web = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        is_web = False
    if not is_web or re.search(r"[\s\x00-\x1f\x7f<>\"'`\\]", value):
        raise ValueError("must be an http or https URL")
    if rules.max_length is not None and len(value) > rules.max_length:
        raise ValueError(f"must be at most {rules.max_length} characters")
    return value


def _parse_email(value: object) -> str:
    if not isinstance(value, str) or not 3 <= len(value.strip()) <= 255 or "@" not in value or "\x00" in value:
        raise ValueError("must be an email address")
    # As accounts store them: composed (NFC) and in lower case.
    return normalize("NFC", value.strip()).lower()


_PARSERS: dict[ColumnType, Callable[[object, ColumnRules], object]] = {
    ColumnType.UUID: _parse_id,
    ColumnType.TEXT: _parse_text,
    ColumnType.ENUM: _parse_choice,
    ColumnType.TIMESTAMP: _parse_timestamp,
    ColumnType.TEXT_LIST: _parse_text_list,
    ColumnType.JSON_OBJECT: _parse_json_object,
    ColumnType.BOOLEAN: _parse_boolean,
    ColumnType.URL: _parse_url,
}
