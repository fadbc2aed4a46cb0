"""Everything at once for ten minutes: readers, writers, sockets, slow and rude clients (`make soak`).

It fails if memory grows by more than a tenth after the first minute, if a well-behaved client meets an error, or if a
socket misses an event.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import uvloop

from bench.dataset import BENCH_FOLDER, USERS, open_dataset
from bench.launchers import monynha_spec
from bench.realtime.ws_client import open_client
from bench.targets import Target, wait_until_ready

_PORT = 8101
_PROJECTS = range(1, 21)
_SOCKETS_PER_PROJECT = 5
_READERS, _WRITERS, _SLOW_CLIENTS, _RUDE_CLIENTS = 16, 4, 4, 4
_MAX_GROWTH = 1.1
_DELIVERY_TIMEOUT_S = 30.0
_NUMBER = re.compile(rb'"description":"n(\d+)"')
_CONTENT_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_RUDE_REQUESTS = (
    b"\x16\x03\x01\x02\x00\x01\x00",
    b"GET / HTTP/1.1\r\nHost: soak\r\nX-Half-A-He",
    b"GET / HTTP/1.1\r\nHost: soak\r\nX-Long: " + b"x" * 70_000,
    b"POST /graphql HTTP/1.1\r\nHost: soak\r\nContent-Length: 5000\r\n\r\n{",
    b"GET /ws HTTP/1.1\r\nHost: soak\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n\xff\xff\xff\xff" + b"x" * 9000,
)


def _id(kind: str, number: int) -> str:
    return f"00000000-0000-4000-{kind}-{number:012x}"


def _request(method: str, path: str, token: str, body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: soak\r\nAuthorization: Bearer {token}\r\n"
    content = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    return f"{head}{content}\r\n".encode() + body


@dataclass
class Soak:
    """The clients, what they have written and received, and the errors they met."""

    tokens: list[str]
    errors: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    written: dict[int, set[int]] = field(default_factory=lambda: {project: set() for project in _PROJECTS})
    """The numbers of the tasks that were created, by project."""
    received: list[tuple[int, set[int]]] = field(default_factory=list)
    """The project of each socket, and the numbers that it has received."""
    _numbers: count[int] = field(default_factory=count)

    async def join(self, project: int) -> None:
        """Open a socket that records the tasks of a project."""
        numbers: set[int] = set()
        client = await open_client(_PORT, self.tokens[project - 1], _id("a000", project))

        def on_text(text: bytes) -> None:
            numbers.update(int(match) for match in _NUMBER.findall(text))

        client.on_text = on_text
        self.received.append((project, numbers))

    async def read(self, rng: random.Random) -> None:
        """Send the reads of random users on one connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", _PORT)
        while True:
            user = rng.randint(1, USERS)
            document = b'{"query":"{ project(id: \\"%b\\") { name tasks { title } } }"}' % _id("a000", user).encode()
            method, path, body = rng.choice(
                [
                    ("GET", "/api/v1/projects", b""),
                    ("GET", f"/api/v1/projects/{_id('a000', user)}/tasks?limit=50", b""),
                    ("GET", f"/api/v1/tasks/{_id('b000', user)}", b""),
                    ("POST", "/graphql", document),
                ]
            )
            await self._exchange(reader, writer, _request(method, path, self.tokens[user - 1], body), b"200")
            await asyncio.sleep(0.02)

    async def write(self, rng: random.Random) -> None:
        """Create tasks in random projects on one connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", _PORT)
        while True:
            project, number = rng.choice(_PROJECTS), next(self._numbers)
            body = b'{"title":"A new task","description":"n%d"}' % number
            path = f"/api/v1/projects/{_id('a000', project)}/tasks"
            if await self._exchange(reader, writer, _request("POST", path, self.tokens[project - 1], body), b"201"):
                self.written[project].add(number)
            await asyncio.sleep(0.1)

    async def read_slowly(self, rng: random.Random) -> None:
        """Ask for much and read a kilobyte a second, until the server hangs up."""
        user = rng.randint(1, USERS)
        path = f"/api/v1/projects/{_id('a000', user)}/tasks?limit=50"
        reader, writer = await asyncio.open_connection("127.0.0.1", _PORT, limit=1024)
        writer.write(_request("GET", path, self.tokens[user - 1]) * 100)
        while await reader.read(1024):
            await asyncio.sleep(1)
        writer.close()

    async def be_rude(self, rng: random.Random) -> None:
        """Send what no client should, and leave without a word."""
        reader, writer = await asyncio.open_connection("127.0.0.1", _PORT)
        writer.write(rng.choice(_RUDE_REQUESTS))
        with suppress(TimeoutError):
            await asyncio.wait_for(reader.read(100), rng.random())
        writer.transport.abort()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, status: bytes
    ) -> bool:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = _CONTENT_LENGTH.search(head)
        await reader.readexactly(int(length[1]) if length else 0)
        self.requests += 1
        is_expected = head[9:12] == status
        if not is_expected:
            self.errors[head[:40].decode("latin-1")] += 1
        return is_expected

    async def keep_going(self, run: Callable[[random.Random], Awaitable[None]], seed: int, *, is_polite: bool) -> None:
        """Repeat a client; a polite one never loses its connection."""
        rng = random.Random(seed)
        while True:
            try:
                await run(rng)
            except (OSError, asyncio.IncompleteReadError) as error:
                if is_polite:
                    self.errors[f"{type(error).__name__} of {run.__name__}"] += 1
            await asyncio.sleep(0.1)

    def lost_events(self) -> int:
        """Return how many created tasks did not reach a socket of their project."""
        return sum(len(self.written[project] - numbers) for project, numbers in self.received)


async def run_soak(target: Target, tokens: list[str], minutes: float) -> bool:
    """Run all clients, print what happened, and return whether everything held."""
    soak = Soak(tokens)
    for project in _PROJECTS:
        await asyncio.gather(*(soak.join(project) for _ in range(_SOCKETS_PER_PROJECT)))
    clients = [(soak.read, _READERS, True), (soak.write, _WRITERS, True)]
    clients += [(soak.read_slowly, _SLOW_CLIENTS, False), (soak.be_rude, _RUDE_CLIENTS, False)]
    tasks = [
        asyncio.create_task(soak.keep_going(run, seed, is_polite=is_polite))
        for run, amount, is_polite in clients
        for seed in range(amount)
    ]
    await asyncio.sleep(60)
    early_mb = target.memory_mb()
    await asyncio.sleep(max(0.0, minutes * 60 - 60))
    late_mb = target.memory_mb()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    deadline = asyncio.get_running_loop().time() + _DELIVERY_TIMEOUT_S
    while soak.lost_events() and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.2)
    written = sum(len(numbers) for numbers in soak.written.values())
    print(f"{soak.requests:,} requests, {written:,} tasks created, each sent to {_SOCKETS_PER_PROJECT} sockets")
    print(f"memory after a minute {early_mb:.0f} MB, at the end {late_mb:.0f} MB: {late_mb / early_mb:.2f} ×")
    print(f"events lost: {soak.lost_events()}; errors: {dict(soak.errors) or 'none'}")
    return late_mb <= _MAX_GROWTH * early_mb and not soak.lost_events() and not soak.errors


async def main() -> None:
    """Parse the options, start the program in the configuration of production, and load it."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--work", type=Path, default=BENCH_FOLDER / ".work")
    options = parser.parse_args()
    async with open_dataset(options.work.resolve()) as dataset, AsyncExitStack() as stack:
        target = monynha_spec(dataset, 1).launch(stack)
        await wait_until_ready(target, dataset)
        if not await run_soak(target, dataset.tokens_file.read_text().split(), options.minutes):
            raise SystemExit("the soak test failed")


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
