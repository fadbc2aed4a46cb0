"""How many messages a second reach their listeners, when each goes to everybody in one project."""

from __future__ import annotations

import asyncio

from bench.realtime.lines import Line, lines, masked

LISTENERS = 500
_UNDER_WAY = 16
"""How many messages are on their way at most: enough to keep the server busy, too few to drown it."""


class _Crowd:
    """Sockets of one project; each message of one reaches all the others."""

    def __init__(self, sockets: list[Line], project: str) -> None:
        position = {"x": 1234, "y": 5678, "on": "b" * 24}
        self._said = masked({"type": "cursor_position", "projectId": project, "position": position})
        self._sockets = sockets
        self._bytes = 0
        self._sent = 0
        self._size = 0
        self._waits: asyncio.Future[None] | None = None

    async def measure_one(self) -> int:
        """Return the size of a delivered message in bytes, on the wire."""
        for one in self._sockets:
            one.on_bytes = self._count
        self._say()
        await asyncio.sleep(0.5)
        self._size, self._bytes, self._sent = self._bytes // (len(self._sockets) - 1), 0, 0
        return self._size

    async def run(self, seconds: float) -> float:
        """Return how many messages a second were delivered."""
        loop = asyncio.get_running_loop()
        before, started = self._bytes, loop.time()
        self._waits = loop.create_future()
        for _ in range(_UNDER_WAY):
            self._say()
        await asyncio.sleep(seconds)
        delivered, took = (self._bytes - before) / self._size, loop.time() - started
        self._waits = None
        await asyncio.sleep(0.5)
        return delivered / took

    def _say(self) -> None:
        self._sent += 1
        self._sockets[self._sent % len(self._sockets)].transport.write(self._said)

    def _count(self, size: int) -> None:
        self._bytes += size
        if self._waits is None:
            return
        whole = self._size * (len(self._sockets) - 1)
        while self._sent - self._bytes // whole < _UNDER_WAY:
            self._say()


async def fan_out(port: int, token: str, project: str, seconds: float) -> tuple[float, int]:
    """Return the deliveries a second, and a message's size in bytes."""
    crowd = await lines(port, [(token, project)] * LISTENERS)
    made = _Crowd(crowd, project)
    size = await made.measure_one()
    await made.run(1)
    found = await made.run(seconds)
    for one in crowd:
        one.transport.abort()
    return found, size
