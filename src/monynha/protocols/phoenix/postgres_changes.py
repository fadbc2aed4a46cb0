"""The changes of tables that one channel hears: which of them it asked for, in their order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from monynha.core.errors import InternalError
from monynha.engine.realtime.event_log import Event, EventLog, Stream
from monynha.engine.realtime.resume_token import encode_resume_token
from monynha.engine.schema.catalog import Catalog
from monynha.protocols.http.server.websocket import WebSocket
from monynha.protocols.phoenix.bindings import Binding, parse_binding
from monynha.protocols.phoenix.change_payload import change_frame
from monynha.protocols.phoenix.filters import FilterError

_MAX_BINDINGS = 100


@dataclass
class PostgresChanges:
    """A channel's bindings, and what is sent for them."""

    catalog: Catalog
    event_log: EventLog
    socket: WebSocket
    topic: str
    is_v2: bool
    bindings: list[Binding] = field(default_factory=list)
    _last_match: asyncio.Task[None] | None = None

    async def add_bindings(self, configs: Iterable[dict[str, Any]]) -> str | None:
        """Read the bindings that a client asks for; return what is wrong with the last that cannot be had."""
        problem = None
        for config in list(configs)[:_MAX_BINDINGS]:
            try:
                bindings = parse_binding(self.catalog, config)
                for condition in [each for binding in bindings for each in binding.regex_conditions]:
                    await self.event_log.matches_regex("", condition.value, ignores_case=False)
                self.bindings += bindings
            except FilterError as error:
                problem = str(error)
            except InternalError:
                problem = "Error parsing `filter` params: that is no regular expression"
        return problem

    def on_event(self, event: Event, versions: Mapping[Stream, int]) -> None:
        """Take an event, and send it where it was asked for."""
        bindings = [one for one in self.bindings if one.matches_conditions(event)]
        if not bindings:
            return
        resume_token = encode_resume_token(versions)
        if any(one.regex_conditions for one in self.bindings):
            # PostgreSQL is asked, and what comes later waits its turn.
            self._last_match = asyncio.create_task(
                self._match_and_send(self._last_match, event, bindings, resume_token)
            )
        else:
            self._send(event, bindings, resume_token)

    async def _match_and_send(
        self,
        former_match: asyncio.Task[None] | None,
        event: Event,
        candidates: list[Binding],
        resume_token: str,
    ) -> None:
        if former_match is not None:
            await asyncio.wait({former_match})
        bindings = [one for one in candidates if await one.matches_regexes(event, self.event_log.matches_regex)]
        if bindings:
            self._send(event, bindings, resume_token)

    def _send(self, event: Event, bindings: list[Binding], resume_token: str) -> None:
        for select in dict.fromkeys(one.select for one in bindings):
            selected = [one for one in bindings if one.select == select]
            change = change_frame(
                event,
                selected[0].resource,
                topic=self.topic,
                ids=tuple(dict.fromkeys(one.id for one in selected)),
                select=select,
                resume_token=resume_token,
                is_v2=self.is_v2,
            )
            self.socket.send_frame(change)
