"""What is published in Valkey, heard on a connection of its own: a subscribed one takes no other commands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import hiredis

from monynha.infra.valkey.client import ValkeyClient
from monynha.infra.valkey.connection import ValkeyConnection, ValkeyUnavailableError

OnMessage = Callable[[bytes], None]
_RECONNECT_PAUSE_S = 0.2


class PubSub(ValkeyClient):
    """Listens to channels; after a break it listens again, and tells that it missed something."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._handlers: dict[bytes, OnMessage] = {}
        self._task: asyncio.Task[None] | None = None
        self.on_reconnect: Callable[[], None] = lambda: None

    @property
    def channel_prefix(self) -> str:
        """What keeps two databases of one server apart: channels know no database number."""
        return f"monynha:{self._address.database}:"

    def subscribe(self, channels: dict[str, OnMessage]) -> None:
        """Hear these channels from now on, in the background."""
        self._handlers = {f"{self.channel_prefix}{name}".encode(): hear for name, hear in channels.items()}
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
        await super().close()

    async def _run(self) -> None:
        while True:
            connection = None
            with suppress(OSError, TimeoutError, ValkeyUnavailableError, hiredis.HiredisError):
                await self._connect()
                connection = self._connection
                assert connection is not None
                for channel in self._handlers:
                    # One by one: a subscription to several is answered several times.
                    await connection.send("SUBSCRIBE", channel)
                self.on_reconnect()
                await connection.disconnected.wait()
            if connection is not None:
                connection.close()
            await asyncio.sleep(_RECONNECT_PAUSE_S)

    def _new_connection(self) -> ValkeyConnection:
        return ValkeyConnection(self._on_message)

    def _on_message(self, channel: bytes, data: bytes) -> None:
        on_message = self._handlers.get(channel)
        if on_message is not None:
            on_message(data)
