"""How long a change takes from its request to a listener, and what others do to that."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from time import perf_counter

from bench.realtime.lines import Line

_TITLE = re.compile(rb'"title":"n(\d+)"')
_WRITERS = 8


@dataclass
class Delivery:
    """Changes one task after the other at a steady pace; the listeners of its project tell when they hear."""

    port: int
    token: str
    tasks: list[str]
    sent_at: dict[int, float] = field(default_factory=dict)
    waited_ms: list[float] = field(default_factory=list)
    _number: int = 0

    def listen(self, one: Line) -> None:
        """Let a socket tell what it hears."""
        one.on_text = self._heard

    def _heard(self, text: bytes) -> None:
        found = _TITLE.search(text)
        if found is not None and (at := self.sent_at.get(int(found[1]))) is not None:
            self.waited_ms.append((perf_counter() - at) * 1000)

    async def run(self, seconds: float, a_second: float = 100) -> tuple[float, float]:
        """Return the median and the 99th percentile of the milliseconds."""
        self.waited_ms.clear()
        await self.write(seconds, a_second)
        found = sorted(self.waited_ms)
        assert found, "nobody heard anything"
        return found[len(found) // 2], found[int(len(found) * 0.99)]

    async def write(self, seconds: float, a_second: float) -> None:
        """Change tasks, whoever hears of it."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[int] = asyncio.Queue()
        writers = [asyncio.create_task(self._write(queue)) for _ in range(_WRITERS)]
        started = loop.time()
        for number in range(int(seconds * a_second)):
            await asyncio.sleep(max(0.0, started + number / a_second - loop.time()))
            self._number += 1
            self.sent_at[self._number] = perf_counter()  # uvloop's own clock ticks in milliseconds
            queue.put_nowait(self._number)
        await asyncio.sleep(1)
        for one in writers:
            one.cancel()

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
            told = await reader.readuntil(b"\r\n\r\n")
            assert told.startswith(b"HTTP/1.1 200"), told
            size = re.search(rb"content-length: (\d+)", told)
            assert size is not None
            await reader.readexactly(int(size[1]))
