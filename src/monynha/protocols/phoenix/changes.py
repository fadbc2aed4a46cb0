"""Events as `postgres_changes` frames; each shape is made once, however many hear it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import ARRAY, BigInteger, Boolean, Column, DateTime, Integer, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from monynha.engine.history import Event
from monynha.engine.resource import Resource
from monynha.protocols.http.frames import frame
from monynha.protocols.phoenix.wire import write

_TYPES = ((Uuid, "uuid"), (Text, "text"), (DateTime, "timestamptz"), (Boolean, "bool"), (BigInteger, "int8"))


def change_frame(
    event: Event,
    resource: Resource,
    *,
    topic: str,
    ids: tuple[int, ...],
    select: frozenset[str] | None,
    position: str,
    is_second: bool,
) -> bytes:
    """Return the finished frame of a change for a channel."""
    key = ("change frame", topic, ids, select, position, is_second)
    made: bytes | None = event.made.get(key)
    if made is None:
        data = _data(event, resource, select)[:-1] + b',"position":' + orjson.dumps(position) + b"}"
        payload = b'{"ids":' + orjson.dumps(ids) + b',"data":' + data + b"}"
        made = event.made[key] = frame(write(topic, "postgres_changes", payload, is_second=is_second))
    return made


def _data(event: Event, resource: Resource, select: frozenset[str] | None) -> bytes:
    key = ("change", select)
    made: bytes | None = event.made.get(key)
    if made is None:
        columns = [one for one in resource.heard if select is None or one.name in select]
        data: dict[str, Any] = {
            "schema": "public",
            "table": resource.table.name,
            "type": event.verb.upper(),
            "commit_timestamp": event.at.replace("+00:00", "Z"),
            "columns": [{"name": one.name, "type": type_of(one)} for one in columns],
        }
        if event.new is not None:
            data["record"] = _cut(event.new, select)
        if event.verb != "insert":
            data["old_record"] = _cut({**(event.new or {}), **(event.old or {})}, select)
        data["errors"] = None
        made = event.made[key] = orjson.dumps(data)
    return made


def _cut(row: Mapping[str, Any], select: frozenset[str] | None) -> dict[str, Any]:
    return {name: value for name, value in row.items() if select is None or name in select}


def type_of(column: Column[Any]) -> str:
    """Return PostgreSQL's own name of a column's type."""
    if isinstance(column.type, ARRAY):
        return "_text"
    if isinstance(column.type, JSONB):
        return "jsonb"
    for kind, name in _TYPES:
        if isinstance(column.type, kind):
            return name
    return "int4" if isinstance(column.type, Integer) else "varchar"
