"""Run the endurance test: `python -m bench.soak`, or `make soak`."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import uvloop
from websockets.exceptions import WebSocketException

from bench.soak.followers import Follower, SocketFollower, StreamFollower, fetch_version
from bench.soak.hostile_clients import HostileClients
from bench.soak.http_client import HttpClient
from bench.soak.journal import Journal, Subscription, undelivered
from bench.soak.readers import CONNECTION_ERRORS, Reader, SlowReader
from bench.soak.results import MemoryTrace, Results, render_verdict
from bench.soak.server import Server, logged_errors, start_server
from bench.soak.workspace import Workspace, create_workspace
from bench.soak.writers import Writer

_READERS, _WRITERS, _SLOW_READERS = 6, 4, 2
_INTERVAL_S = 30
_SETTLE_S = 60.0
_CATCH_UP_S, _CLOSE_S = 60.0, 30.0


@dataclass
class Soak:
    """One run: the clients of a server, and what they counted."""

    server: Server
    workspace: Workspace
    rng: Random
    results: Results = field(default_factory=Results)
    memory: MemoryTrace = field(default_factory=MemoryTrace)
    journals: dict[str, Journal] = field(default_factory=dict)
    followers: list[Follower] = field(default_factory=list)

    async def run(self, duration_s: float) -> list[str]:
        """Load the server, let the subscribers catch up, stop the server, and return all problems."""
        await self._create_followers()
        async with _running([follower.run() for follower in self.followers]):
            async with _running(self._loads()):
                await self._observe(duration_s)
            problems = await self._wait_until_delivered()
        problems += await self._wait_until_closed()
        growth = self.memory.growth_problem(_SETTLE_S, duration_s)
        if growth is not None and self.server.is_running:
            problems.append(growth)
        await self.server.stop()
        if self.server.stop_problem:
            problems.append(self.server.stop_problem)
        with self.server.log_file.open(errors="replace") as lines:
            problems += [f"logged: {line[:1000]}" for line in logged_errors(lines)[:10]]
        return [*(f"{text} ({count} times)" for text, count in self.results.problems.most_common(20)), *problems]

    async def _create_followers(self) -> None:
        for project in self.workspace.projects:
            journal = self.journals[project.id] = Journal()
            version = await fetch_version(self.server.address, project)
            kinds = (SocketFollower, SocketFollower, StreamFollower)
            for kind, token in zip(kinds, project.tokens, strict=True):
                subscription = Subscription(journal, version)
                rng = Random(self.rng.random())
                self.followers.append(kind(self.server.address, project, token, subscription, self.results, rng))

    def _loads(self) -> list[Awaitable[None]]:
        address, workspace, results = self.server.address, self.workspace, self.results
        return [
            *(Reader(address, workspace, results, Random(self.rng.random())).run() for _ in range(_READERS)),
            *(SlowReader(address, workspace, results).run() for _ in range(_SLOW_READERS)),
            *(
                Writer(f"w{n}", address, workspace, self.journals, results, Random(self.rng.random())).run()
                for n in range(_WRITERS)
            ),
            *HostileClients(address, workspace, results).runs(),
        ]

    async def _observe(self, duration_s: float) -> None:
        """Sample the memory each second, and print a line each interval."""
        loop = asyncio.get_running_loop()
        started_at = printed_at = loop.time()
        while loop.time() - started_at < duration_s:
            await asyncio.sleep(1)
            if not self.server.is_running:
                return
            elapsed_s = loop.time() - started_at
            self.memory.samples.append((elapsed_s, self.server.rss_mb()))
            if (interval_s := loop.time() - printed_at) >= _INTERVAL_S or elapsed_s >= duration_s:
                printed_at = loop.time()
                interval = self.results.start_interval()
                sockets, rss_mb = self.server.socket_count(), self.server.rss_mb()
                print(interval.render(elapsed_s, interval_s, rss_mb, sockets, self.results.events), flush=True)

    async def _wait_until_delivered(self) -> list[str]:
        """Wait until every subscriber has received every change, and return what is missing after a minute."""
        if not self.server.is_running:
            return []
        try:
            versions = {each.id: await fetch_version(self.server.address, each) for each in self.workspace.projects}
        except (*CONNECTION_ERRORS, WebSocketException) as error:
            return [f"at the end the projects could not be joined: {type(error).__name__} {error}"]
        with suppress(TimeoutError):
            async with asyncio.timeout(_CATCH_UP_S):
                while self._undelivered(versions):
                    await asyncio.sleep(0.1)
        return self._undelivered(versions)

    async def _wait_until_closed(self) -> list[str]:
        """Wait until the server has closed the connections of all clients, which have left."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + _CLOSE_S
        while (count := self.server.socket_count() if self.server.is_running else 0) and loop.time() < ends_at:
            await asyncio.sleep(0.1)
        return [f"{count} connections are open {_CLOSE_S:.0f} s after all clients have left"] if count else []

    def _undelivered(self, versions: dict[str, int]) -> list[str]:
        problems = []
        for project_id, version in versions.items():
            subscriptions = [each.subscription for each in self.followers if each.project.id == project_id]
            problems += undelivered(self.journals[project_id], subscriptions, version)
        return problems


@asynccontextmanager
async def _running(coroutines: Sequence[Awaitable[None]]) -> AsyncIterator[None]:
    """Run the coroutines meanwhile, then cancel them; an exception of one is a fault of the program, and is raised."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


async def main() -> None:
    """Parse the options, run, and print the verdict; exit with 1 if there are problems."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak")
    parser.add_argument("--minutes", type=float, default=10, help="how long the load lasts, at least 2")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.minutes < 2:
        parser.error("--minutes must be at least 2")
    duration_s = options.minutes * 60
    with tempfile.TemporaryDirectory(prefix="monynha-soak-") as folder:
        async with start_server(Path(folder), token_ttl_s=int(duration_s) + 3600) as server:
            client = HttpClient(server.address)
            workspace = await create_workspace(client)
            client.close()
            soak = Soak(server, workspace, Random(options.seed))
            problems = await soak.run(duration_s)
    committed = sum(len(journal.committed) for journal in soak.journals.values())
    hostile = ", ".join(f"{count:,} × {status}" for status, count in sorted(soak.results.hostile_responses.items()))
    print(f"{soak.results.requests:,} requests, {committed:,} changes, {soak.results.events:,} events received")
    print(f"responses to hostile clients: {hostile}")
    settled_mb, end_mb = soak.memory.around(_SETTLE_S), soak.memory.around(duration_s)
    print(f"RSS {settled_mb:.1f} MB after {_SETTLE_S:.0f} s, {end_mb:.1f} MB at the end")
    print(render_verdict(problems))
    if problems:
        raise SystemExit(1)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
