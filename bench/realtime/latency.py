"""Latency: the time from the request of a change to its delivery to a subscriber."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from time import perf_counter

from bench.realtime.ws_client import RawWsClient

_TITLE = re.compile(rb'"title":"n(\d+)"')
_WRITERS = 8


@dataclass
class LatencyProbe:
    """Changes tasks of a project at a constant rate; observed clients record when a change is delivered."""

    port: int
    token: str
    tasks: list[str]
    sent_at: dict[int, float] = field(default_factory=dict)
    latencies_ms: list[float] = field(default_factory=list)
    _number: int = 0

    def observe(self, client: RawWsClient) -> None:
        """Record the deliveries to a client."""
        client.on_text = self._on_text

    def _on_text(self, text: bytes) -> None:
        match = _TITLE.search(text)
        if match is not None and (sent_at := self.sent_at.get(int(match[1]))) is not None:
            self.latencies_ms.append((perf_counter() - sent_at) * 1000)

    async def run(self, seconds: float, per_second: float = 100) -> tuple[float, float]:
        """Change tasks, and return the median and the 99th percentile of the latency in milliseconds."""
        self.latencies_ms.clear()
        await self.write(seconds, per_second)
        latencies = sorted(self.latencies_ms)
        assert latencies, "nobody heard anything"
        return latencies[len(latencies) // 2], latencies[int(len(latencies) * 0.99)]

    async def write(self, seconds: float, per_second: float) -> None:
        """Change tasks at the rate."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[int] = asyncio.Queue()
        writers = [asyncio.create_task(self._write(queue)) for _ in range(_WRITERS)]
        started = loop.time()
        for number in range(int(seconds * per_second)):
            await asyncio.sleep(max(0.0, started + number / per_second - loop.time()))
            self._number += 1
            self.sent_at[self._number] = perf_counter()  # the clock of uvloop has a resolution of a millisecond
            queue.put_nowait(self._number)
        await asyncio.sleep(1)
        for writer in writers:
            writer.cancel()

    async def _write(self, queue: asyncio.Queue[int]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        while True:
            number = await queue.get()
            body = b'{"title":"n%d"}' % number
            task = self.tasks[number % len(self.tasks)]
            head = (
                f"PUT /api/v1/tasks/{task} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                f"Authorization: Bearer {self.token}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body)
            response_head = await reader.readuntil(b"\r\n\r\n")
            assert response_head.startswith(b"HTTP/1.1 200"), response_head
            size = re.search(rb"content-length: (\d+)", response_head)
            assert size is not None
            await reader.readexactly(int(size[1]))
