"""Fan-out: how many messages a second are delivered, when each goes to all sockets of a project."""

from __future__ import annotations

import asyncio

from bench.realtime.ws_client import RawWsClient, encode_frame, open_clients

SUBSCRIBERS = 500
_IN_FLIGHT = 16
"""The maximum number of messages in flight: enough to keep the server busy, too few to overload it."""


class _FanOut:
    """Sockets of one project; a message from one is delivered to all others."""

    def __init__(self, clients: list[RawWsClient], project: str) -> None:
        cursor = {"x": 1234, "y": 5678, "on": "b" * 24}
        self._frame = encode_frame({"type": "cursor_position", "projectId": project, "position": cursor})
        self._clients = clients
        self._received_bytes = 0
        self._sent = 0
        self._message_bytes = 0
        self._running: asyncio.Future[None] | None = None

    async def measure_message_size(self) -> int:
        """Return the size of a delivered message in bytes, with its frame."""
        for client in self._clients:
            client.on_bytes = self._count
        self._send()
        await asyncio.sleep(0.5)
        self._message_bytes, self._received_bytes, self._sent = (
            self._received_bytes // (len(self._clients) - 1),
            0,
            0,
        )
        return self._message_bytes

    async def run(self, seconds: float) -> float:
        """Return the deliveries a second."""
        loop = asyncio.get_running_loop()
        before, started = self._received_bytes, loop.time()
        self._running = loop.create_future()
        for _ in range(_IN_FLIGHT):
            self._send()
        await asyncio.sleep(seconds)
        delivered, duration_s = (self._received_bytes - before) / self._message_bytes, loop.time() - started
        self._running = None
        await asyncio.sleep(0.5)
        return delivered / duration_s

    def _send(self) -> None:
        self._sent += 1
        self._clients[self._sent % len(self._clients)].transport.write(self._frame)

    def _count(self, size: int) -> None:
        self._received_bytes += size
        if self._running is None:
            return
        bytes_per_send = self._message_bytes * (len(self._clients) - 1)
        while self._sent - self._received_bytes // bytes_per_send < _IN_FLIGHT:
            self._send()


async def measure_fan_out(port: int, token: str, project: str, seconds: float) -> tuple[float, int]:
    """Return the deliveries a second, and the size of a message in bytes."""
    clients = await open_clients(port, [(token, project)] * SUBSCRIBERS)
    run = _FanOut(clients, project)
    size = await run.measure_message_size()
    await run.run(1)
    rate = await run.run(seconds)
    for client in clients:
        client.transport.abort()
    return rate, size
