"""The changes of tables that one channel hears: which of them it asked for, in their order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from monynha.core.errors import Internal
from monynha.engine.catalog import Catalog
from monynha.engine.history import Event, History, Stream
from monynha.engine.position import write_position
from monynha.protocols.http.socket import Socket
from monynha.protocols.phoenix.bindings import Binding, read_binding
from monynha.protocols.phoenix.changes import change_frame
from monynha.protocols.phoenix.filters import BadFilter

_MOST_BINDINGS = 100


@dataclass
class Feed:
    """A channel's bindings, and what is sent for them."""

    catalog: Catalog
    history: History
    socket: Socket
    topic: str
    is_second: bool
    bindings: list[Binding] = field(default_factory=list)
    _asked: asyncio.Task[None] | None = None

    async def read(self, asked: Iterable[dict[str, Any]]) -> str | None:
        """Read the bindings that a client asks for; return what is wrong with the last that cannot be had."""
        problem = None
        for one in list(asked)[:_MOST_BINDINGS]:
            try:
                found = read_binding(self.catalog, one)
                for pattern in [each for binding in found for each in binding.patterns]:
                    await self.history.matches("", pattern.value, ignores_case=False)
                self.bindings += found
            except BadFilter as bad:
                problem = str(bad)
            except Internal:
                problem = "Error parsing `filter` params: that is no regular expression"
        return problem

    def hear(self, event: Event, positions: Mapping[Stream, int]) -> None:
        """Take an event, and send it where it was asked for."""
        chosen = [one for one in self.bindings if one.may_want(event)]
        if not chosen:
            return
        position = write_position(positions)
        if any(one.patterns for one in self.bindings):
            # PostgreSQL is asked, and what comes later waits its turn.
            self._asked = asyncio.create_task(self._choose(self._asked, event, chosen, position))
        else:
            self._show(event, chosen, position)

    async def _choose(
        self, former: asyncio.Task[None] | None, event: Event, some: list[Binding], position: str
    ) -> None:
        if former is not None:
            await asyncio.wait({former})
        chosen = [one for one in some if await one.matches(event, self.history.matches)]
        if chosen:
            self._show(event, chosen, position)

    def _show(self, event: Event, chosen: list[Binding], position: str) -> None:
        for select in dict.fromkeys(one.select for one in chosen):
            some = [one for one in chosen if one.select == select]
            made = change_frame(
                event,
                some[0].resource,
                topic=self.topic,
                ids=tuple(dict.fromkeys(one.id for one in some)),
                select=select,
                position=position,
                is_second=self.is_second,
            )
            self.socket.send_frame(made)
