"""Waiting for a peer to read what it was sent, shared by HTTP responses, WebSockets and event streams."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

CLOSE_TIMEOUT_S = 30.0
"""How long a closing connection waits for a client that reads nothing."""


@dataclass(slots=True, eq=False)
class DrainEvent:
    """An event that is allocated on first use: most of ten thousand connections never wait."""

    _event: asyncio.Event | None = field(default=None, init=False)

    async def wait(self, timeout_s: float) -> bool:
        """Wait for `set`; return False on timeout."""
        self._event = self._event or asyncio.Event()
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            return False
        return True

    def set(self) -> None:
        """Resume everything that waits."""
        if self._event is not None:
            self._event.set()
            self._event = None


def close_gracefully(transport: asyncio.Transport) -> None:
    """Close after the write buffer is flushed; abort when the client reads nothing for `CLOSE_TIMEOUT_S`."""
    transport.close()
    _abort_if_stalled(transport, None)


def _abort_if_stalled(transport: asyncio.Transport, unread_before: int | None) -> None:
    unread = transport.get_write_buffer_size()
    if unread and unread_before is not None and unread >= unread_before:
        transport.abort()
    elif unread:
        asyncio.get_running_loop().call_later(CLOSE_TIMEOUT_S, _abort_if_stalled, transport, unread)
