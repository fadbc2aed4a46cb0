"""Subscriptions to Valkey channels, on a connection of their own: a subscribed one takes no other commands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress

import hiredis

from monynha.infra.valkey.client import ValkeyClient, ValkeyConnection, ValkeyUnavailableError

OnMessage = Callable[[bytes], None]
_RECONNECT_PAUSE_S = 0.2


class PubSub(ValkeyClient):
    """Subscribes to channels, and again after every lost connection."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._handlers: dict[bytes, OnMessage] = {}
        self._on_connect: Callable[[], None] | None = None
        self._task: asyncio.Task[None] | None = None

    def subscribe(self, handlers: Mapping[str, OnMessage], *, on_connect: Callable[[], None] | None = None) -> None:
        """Call the handler of a channel for each message that is published to it, from now on.

        `on_connect` is called after each subscription, the first included: messages before it are lost.
        """
        self._handlers = {f"{self._channel_prefix}{name}".encode(): handler for name, handler in handlers.items()}
        self._on_connect = on_connect
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """End the subscriptions."""
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
                    # One at a time: one command for several channels has several replies.
                    await connection.send("SUBSCRIBE", channel)
                if self._on_connect is not None:
                    self._on_connect()
                await connection.disconnected.wait()
            if connection is not None:
                connection.close()
            await asyncio.sleep(_RECONNECT_PAUSE_S)

    def _new_connection(self) -> ValkeyConnection:
        return ValkeyConnection(self._on_message)

    def _on_message(self, channel: bytes, data: bytes) -> None:
        handler = self._handlers.get(channel)
        if handler is not None:
            handler(data)
