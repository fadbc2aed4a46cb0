"""Events as `postgres_changes` frames; each shape is made once, however many hear it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import ARRAY, BigInteger, Boolean, Column, DateTime, Integer, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from monynha.engine.realtime.event_log import Event
from monynha.engine.schema.resource import Resource
from monynha.protocols.http.server.ws_frames import encode_frame
from monynha.protocols.phoenix.serializer import encode_message

_TYPE_NAMES = (
    (Uuid, "uuid"),
    (Text, "text"),
    (DateTime, "timestamptz"),
    (Boolean, "bool"),
    (BigInteger, "int8"),
)


def change_frame(
    event: Event,
    resource: Resource,
    *,
    topic: str,
    ids: tuple[int, ...],
    select: frozenset[str] | None,
    resume_token: str,
    is_v2: bool,
) -> bytes:
    """Return the finished frame of a change for a channel."""
    key = ("change frame", topic, ids, select, resume_token, is_v2)
    change: bytes | None = event.payload_cache.get(key)
    if change is None:
        data = _change_data(event, resource, select)[:-1] + b',"position":' + orjson.dumps(resume_token) + b"}"
        payload = b'{"ids":' + orjson.dumps(ids) + b',"data":' + data + b"}"
        change = event.payload_cache[key] = encode_frame(
            encode_message(topic, "postgres_changes", payload, is_v2=is_v2)
        )
    return change


def _change_data(event: Event, resource: Resource, select: frozenset[str] | None) -> bytes:
    key = ("change", select)
    encoded: bytes | None = event.payload_cache.get(key)
    if encoded is None:
        columns = [one for one in resource.logged_columns if select is None or one.name in select]
        data: dict[str, Any] = {
            "schema": "public",
            "table": resource.table.name,
            "type": event.verb.upper(),
            "commit_timestamp": event.occurred_at.replace("+00:00", "Z"),
            "columns": [{"name": one.name, "type": column_type_name(one)} for one in columns],
        }
        if event.new is not None:
            data["record"] = _select_columns(event.new, select)
        if event.verb != "insert":
            data["old_record"] = _select_columns({**(event.new or {}), **(event.old or {})}, select)
        data["errors"] = None
        encoded = event.payload_cache[key] = orjson.dumps(data)
    return encoded


def _select_columns(row: Mapping[str, Any], select: frozenset[str] | None) -> dict[str, Any]:
    return {name: value for name, value in row.items() if select is None or name in select}


def column_type_name(column: Column[Any]) -> str:
    """Return PostgreSQL's own name of a column's type."""
    if isinstance(column.type, ARRAY):
        return "_text"
    if isinstance(column.type, JSONB):
        return "jsonb"
    for column_type, name in _TYPE_NAMES:
        if isinstance(column.type, column_type):
            return name
    return "int4" if isinstance(column.type, Integer) else "varchar"
