"""Send the changes of tables that a channel is bound to, in their order, as `postgres_changes` messages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import ARRAY, BigInteger, Boolean, Column, DateTime, Integer, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from monynha.core.errors import InternalError
from monynha.engine.realtime.event_log import Event, Stream
from monynha.engine.realtime.resume_token import encode_resume_token
from monynha.engine.schema.catalog import Catalog
from monynha.engine.schema.resource import Resource
from monynha.protocols.http.server.websocket import WebSocket
from monynha.protocols.http.server.ws_frames import encode_frame
from monynha.protocols.phoenix.bindings import Binding, parse_binding
from monynha.protocols.phoenix.filters import FilterError
from monynha.protocols.phoenix.regex import RegexMatcher
from monynha.protocols.phoenix.serializer import encode_message
from monynha.protocols.realtime.event_bytes import EventBytes

_MAX_BINDINGS = 100
_MAX_CACHED_PAYLOADS = 32
"""How many encodings of an event are kept while it waits for slow readers."""
_TYPE_NAMES = (
    (ARRAY, "_text"),
    (JSONB, "jsonb"),
    (Uuid, "uuid"),
    (Text, "text"),
    (DateTime, "timestamptz"),
    (Boolean, "bool"),
    (BigInteger, "int8"),
    (Integer, "int4"),
)
"""PostgreSQL's names of types; the first match counts, since a BigInteger is an Integer."""


@dataclass
class PostgresChanges:
    """The bindings of a channel, and the sending of their changes."""

    catalog: Catalog
    regex_matcher: RegexMatcher
    socket: WebSocket
    topic: str
    is_v2: bool
    event_bytes: EventBytes
    """What events may make the socket receive, over all its channels."""
    bindings: list[Binding] = field(default_factory=list)
    _last_match: asyncio.Task[None] | None = None

    async def add_bindings(self, configs: Iterable[Mapping[str, object]]) -> str | None:
        """Add the valid bindings of those that a client asks for; return the problem of the last invalid one."""
        problem = None
        for config in list(configs)[:_MAX_BINDINGS]:
            try:
                bindings = parse_binding(self.catalog, config)
                for regex in [regex for binding in bindings for regex in binding.regexes]:
                    await self.regex_matcher.matches("", regex)
                self.bindings += bindings
            except FilterError as error:
                problem = str(error)
            except InternalError:
                problem = "Error parsing `filter` params: invalid regular expression"
        return problem

    def on_event(self, event: Event, versions: Mapping[Stream, int], on_overflow: Callable[[], None]) -> None:
        """Send an event to the bindings that it matches, with `versions` as its resume token.

        `on_overflow` is called, and nothing more is sent, when it would make the socket receive too much.
        """
        bindings = [binding for binding in self.bindings if binding.matches(event)]
        if not bindings:
            return
        resume_token = encode_resume_token(versions)
        if any(binding.regexes for binding in self.bindings):
            # PostgreSQL has to be asked, and later events wait for it to keep the order.
            self._last_match = asyncio.create_task(
                self._match_and_send(self._last_match, event, bindings, resume_token, on_overflow)
            )
        else:
            self._send(event, bindings, resume_token, on_overflow)

    async def _match_and_send(
        self,
        former_match: asyncio.Task[None] | None,
        event: Event,
        candidates: list[Binding],
        resume_token: str,
        on_overflow: Callable[[], None],
    ) -> None:
        if former_match is not None:
            await asyncio.wait({former_match})
        bindings = [binding for binding in candidates if await binding.matches_regexes(event, self.regex_matcher)]
        if bindings and self.bindings:
            self._send(event, bindings, resume_token, on_overflow)

    def _send(self, event: Event, bindings: list[Binding], resume_token: str, on_overflow: Callable[[], None]) -> None:
        for select in dict.fromkeys(binding.select for binding in bindings):
            selected = [binding for binding in bindings if binding.select == select]
            frame = _change_frame(
                event,
                selected[0].resource,
                topic=self.topic,
                ids=tuple(dict.fromkeys(binding.id for binding in selected)),
                select=select,
                resume_token=resume_token,
                is_v2=self.is_v2,
            )
            if not self.event_bytes.try_count((event.stream, event.version), len(frame)):
                self.bindings.clear()
                on_overflow()
                return
            self.socket.send_frame(frame)


def _change_frame(
    event: Event,
    resource: Resource,
    *,
    topic: str,
    ids: tuple[int, ...],
    select: frozenset[str] | None,
    resume_token: str,
    is_v2: bool,
) -> bytes:
    """Return a change as a WebSocket frame, encoded once for all channels with the same parameters.

    An event keeps few of them, since clients choose the parameters.
    """
    key = ("change frame", topic, ids, select, resume_token, is_v2)
    frame = event.payload_cache.get(key)
    if not isinstance(frame, bytes):
        data = _change_data(event, resource, select)[:-1] + b',"resumeToken":' + orjson.dumps(resume_token) + b"}"
        payload = b'{"ids":' + orjson.dumps(ids) + b',"data":' + data + b"}"
        frame = encode_frame(encode_message(topic, "postgres_changes", payload, is_v2=is_v2))
        if len(event.payload_cache) < _MAX_CACHED_PAYLOADS:
            event.payload_cache[key] = frame
    return frame


def _change_data(event: Event, resource: Resource, select: frozenset[str] | None) -> bytes:
    key = ("change", select)
    encoded = event.payload_cache.get(key)
    if not isinstance(encoded, bytes):
        columns = [column for column in resource.logged_columns if select is None or column.name in select]
        data: dict[str, object] = {
            "schema": "public",
            "table": resource.table.name,
            "type": event.verb.upper(),
            "commit_timestamp": event.occurred_at.replace("+00:00", "Z"),
            "columns": [{"name": column.name, "type": _type_name(column)} for column in columns],
        }
        if event.new is not None:
            data["record"] = _select_columns(event.new, select)
        if event.verb != "insert":
            data["old_record"] = _select_columns({**(event.new or {}), **(event.old or {})}, select)
        data["errors"] = None
        encoded = orjson.dumps(data)
        if len(event.payload_cache) < _MAX_CACHED_PAYLOADS:
            event.payload_cache[key] = encoded
    return encoded


def _select_columns(row: Mapping[str, object], select: frozenset[str] | None) -> dict[str, object]:
    return {name: value for name, value in row.items() if select is None or name in select}


def _type_name(column: Column[Any]) -> str:
    return next((name for column_type, name in _TYPE_NAMES if isinstance(column.type, column_type)), "varchar")
