"""What is published in Valkey, heard on a connection of its own: a subscribed one takes no other commands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import hiredis

from monynha.infra.valkey.connection import Connection, ValkeyAway
from monynha.infra.valkey.valkey import Valkey

Hear = Callable[[bytes], None]
_PAUSE_S = 0.2


class Channels(Valkey):
    """Listens to channels; after a break it listens again, and tells that it missed something."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._heard: dict[bytes, Hear] = {}
        self._keeping: asyncio.Task[None] | None = None
        self.on_return: Callable[[], None] = lambda: None

    @property
    def prefix(self) -> str:
        """What keeps two databases of one server apart: channels know no database number."""
        return f"monynha:{self._place.database}:"

    def listen(self, channels: dict[str, Hear]) -> None:
        """Hear these channels from now on, in the background."""
        self._heard = {f"{self.prefix}{name}".encode(): hear for name, hear in channels.items()}
        self._keeping = asyncio.get_running_loop().create_task(self._keep())

    async def close(self) -> None:
        """Stop listening."""
        if self._keeping is not None:
            self._keeping.cancel()
        await super().close()

    async def _keep(self) -> None:
        while True:
            connection = None
            with suppress(OSError, TimeoutError, ValkeyAway, hiredis.HiredisError):
                await self._connect()
                connection = self._connection
                assert connection is not None
                for channel in self._heard:
                    # One by one: a subscription to several is answered several times.
                    await connection.send("SUBSCRIBE", channel)
                self.on_return()
                await connection.is_lost.wait()
            if connection is not None:
                connection.close()
            await asyncio.sleep(_PAUSE_S)

    def _make(self) -> Connection:
        return Connection(self._on_message)

    def _on_message(self, channel: bytes, data: bytes) -> None:
        hear = self._heard.get(channel)
        if hear is not None:
            hear(data)
