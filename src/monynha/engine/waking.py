"""After a commit: wakes the hubs of all processes, many commits at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from secrets import token_hex

from monynha.engine.history import Stream
from monynha.engine.subscribe import Hub, wakes

Publish = Callable[[bytes], None]
_GATHER_S = 0.005
"""How long commits are gathered before the other processes are told: each telling is a round trip for all."""


class Waking:
    """Tells which streams were written to: its own hub at once, the others through `publish`."""

    def __init__(self, publish: Publish, hub: Hub) -> None:
        self._publish = publish
        self._hub = hub
        self._written: dict[str, None] = {}
        self._me = token_hex(8)

    def written(self, told: str) -> None:
        """Take what a committed transaction told; the database calls this."""
        self._hub.wake(wakes(told))
        if not self._written:
            asyncio.get_running_loop().call_later(_GATHER_S, self._flush)
        for one in told.split(","):
            self._written[one.rpartition(" ")[0]] = None

    def hear(self, published: bytes) -> None:
        """Take what a process published; our own hub was woken before we did."""
        who, _, told = published.decode().partition("\n")
        if who != self._me:
            self._hub.wake(_streams(told))

    def _flush(self) -> None:
        written, self._written = self._written, {}
        self._publish(f"{self._me}\n{','.join(written)}".encode())


def _streams(told: str) -> list[Stream]:
    return wakes(",".join(f"{one} 0" for one in told.split(",")))
