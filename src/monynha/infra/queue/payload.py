"""Payloads of jobs: JSON objects with camelCase keys, as frozen dataclasses with snake_case fields."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import TypeVar, Union, cast, get_args, get_origin, get_type_hints
from uuid import UUID

import orjson

from monynha.core.serialization import parse_uuid, to_camel_case

P = TypeVar("P")


class PayloadError(Exception):
    """A payload does not fit its type; the text names the key, never the value."""


def parse_payload(payload_type: type[P], value: object) -> P:
    """Return the payload of a job; raise PayloadError if a key is missing, unknown or of another type.

    Fields are `str`, `bool`, `int`, `float`, `UUID`, string enums, `object` (any JSON), unions with None, tuples and
    dictionaries of these, and dataclasses. A payload type that is no dataclass takes the JSON as it is.
    """
    # The types of the fields are values here, so the type checker cannot follow them.
    return cast(P, _parse(payload_type, value, "payload"))


def dump_payload(payload: object) -> bytes:
    """Return the JSON object of a payload."""
    return orjson.dumps(_dump(payload))


def _dump(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {to_camel_case(field.name): _dump(getattr(value, field.name)) for field in fields}
    if isinstance(value, Mapping):
        return {str(key): _dump(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_dump(item) for item in value]
    return value


@cache
def _field_types(payload_type: type) -> dict[str, tuple[str, object, bool]]:
    """Return the name, the type and whether it has a default, of each field by its key in JSON."""
    hints = get_type_hints(payload_type)
    no_default = dataclasses.MISSING
    return {
        to_camel_case(field.name): (
            field.name,
            hints[field.name],
            field.default is not no_default or field.default_factory is not no_default,
        )
        for field in dataclasses.fields(payload_type)
    }


def _parse(expected: object, value: object, key: str) -> object:
    if isinstance(expected, type) and get_origin(expected) is None:
        return _parse_plain(expected, value, key)
    origin, arguments = get_origin(expected), get_args(expected)
    if origin in (Union, types.UnionType):
        return _parse_union(arguments, value, key)
    if origin in (tuple, list) and isinstance(value, list):
        items = [_parse(arguments[0], item, f"{key}[{index}]") for index, item in enumerate(value)]
        return tuple(items) if origin is tuple else items
    if isinstance(origin, type) and issubclass(origin, Mapping) and isinstance(value, dict):
        return {name: _parse(arguments[1], item, f"{key}.{name}") for name, item in value.items()}
    raise PayloadError(f"{key} has the wrong type")


def _parse_union(options: tuple[object, ...], value: object, key: str) -> object:
    if value is None and types.NoneType in options:
        return None
    for option in options:
        try:
            return _parse(option, value, key)
        except PayloadError:
            continue
    raise PayloadError(f"{key} has the wrong type")


def _parse_plain(expected: type, value: object, key: str) -> object:
    if expected is object or type(value) is expected:
        return value
    if dataclasses.is_dataclass(expected) and isinstance(value, dict):
        return _parse_dataclass(expected, value, key)
    if expected is float and type(value) is int:
        return float(value)
    if expected is UUID and isinstance(value, str) and (parsed := parse_uuid(value)) is not None:
        return parsed
    if issubclass(expected, Enum):
        try:
            return expected(value)
        except ValueError:
            raise PayloadError(f"{key} is not a known choice") from None
    raise PayloadError(f"{key} has the wrong type")


def _parse_dataclass(expected: type, value: dict[str, object], key: str) -> object:
    field_types = _field_types(expected)
    if unknown := value.keys() - field_types.keys():
        raise PayloadError(f"{key}.{min(unknown)} is unknown")
    values = {}
    for name, (field_name, field_type, has_default) in field_types.items():
        if name in value:
            values[field_name] = _parse(field_type, value[name], f"{key}.{name}")
        elif not has_default:
            raise PayloadError(f"{key}.{name} is missing")
    return expected(**values)
