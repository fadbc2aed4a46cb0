"""Runs the benchmark of sockets and prints its table: `make bench-realtime`."""

from __future__ import annotations

import argparse
import asyncio
import os
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import asyncpg
import uvloop

from bench.contenders import Contender, Start, ready
from bench.field import installed, monynha
from bench.realtime.delivery import Delivery
from bench.realtime.fan_out import LISTENERS, fan_out
from bench.realtime.lines import lines
from bench.world import HERE, World, world

_IDLE = 10_000
_SLOW = 5_000
_OURS, _NODE = 8101, 8106
_STATISTICS_S = 12
"""After how long an idle PostgreSQL process has told its statistics."""


@dataclass(frozen=True)
class Stage:
    """Our program on the benchmark's world, and the tokens of its people."""

    world: World
    ours: Contender
    tokens: list[str]

    def delivery(self, person: int) -> Delivery:
        """Return what changes tasks of a person's own project."""
        tasks = [f"00000000-0000-4000-b000-{person + 20000 * n:012x}" for n in range(8)]
        return Delivery(_OURS, self.tokens[person - 1], tasks)


def project(number: int) -> str:
    """Return the id of a project; the person of that number owns it."""
    return f"00000000-0000-4000-a000-{number:012x}"


async def against_node(stage: Stage, seconds: float, rounds: int) -> None:
    """Deliver messages to 500 sockets, by turns with a Node server that fans out in memory."""
    token, found = stage.tokens[0], {_OURS: [], _NODE: []}
    sizes = {}
    peer = await installed(HERE / "peers" / "ws")
    async with AsyncExitStack() as held:
        if peer:
            start = Start(
                "Node ws", _NODE, ("node", "server.js"), {"PORT": str(_NODE)}, HERE / "peers" / "ws"
            )
            start.begin(held)
            await asyncio.sleep(1)
        for _ in range(rounds):
            for port in found if peer else [_OURS]:
                told, sizes[port] = await fan_out(port, token, project(1), seconds)
                found[port].append(told)
    for port, told in found.items():
        if told:
            name = "Monynha" if port == _OURS else "Node ws"
            print(
                f"| {name}: delivered to {LISTENERS} sockets | {median(told):,.0f}/s of {sizes[port]} bytes |"
            )
    if peer:
        print(f"| ratio | {median(found[_OURS]) / median(found[_NODE]):.2f} |")


async def waits(stage: Stage, seconds: float) -> None:
    """Measure the time from a request to its delivery at 100 changes a second."""
    delivery = stage.delivery(2)
    for one in await lines(_OURS, [(stage.tokens[1], project(2))] * 10):
        delivery.listen(one)
    p50, p99 = await delivery.run(seconds)
    print(f"| a change reaches 10 listeners, at 100 changes/s | p50 {p50:.1f} ms, p99 {p99:.1f} ms |")


async def statements(stage: Stage) -> None:
    """Count what 100 changes cost the database with 10 and with 1,000 listeners."""
    owner = await asyncpg.connect(stage.world.servers.owner_url)
    sockets, told = [], []
    for wanted in (10, 990):
        sockets += await lines(_OURS, [(stage.tokens[2], project(3))] * wanted)
        delivery = stage.delivery(3)
        delivery.listen(sockets[0])
        await asyncio.sleep(_STATISTICS_S)
        before = await _transactions(owner)
        await delivery.run(2, 50)
        await asyncio.sleep(_STATISTICS_S)
        told.append((await _transactions(owner) - before) / 100)
    print(f"| transactions a change, with 10 and with 1,000 listeners | {told[0]:.1f}, {told[1]:.1f} |")
    for one in sockets:
        one.transport.abort()
    await owner.close()


async def _transactions(owner: asyncpg.Connection) -> int:
    asked = "select xact_commit from pg_stat_database where datname = current_database()"
    return int(await owner.fetchval(asked))


async def idle(stage: Stage) -> None:
    """Open 10,000 sockets that say nothing, 500 a second."""
    before = stage.ours.memory_mb()
    loop = asyncio.get_running_loop()
    started = loop.time()
    sockets = await lines(_OURS, [(stage.tokens[n % 10_000], None) for n in range(_IDLE)])
    took = loop.time() - started
    await asyncio.sleep(1)
    each = (stage.ours.memory_mb() - before) * 1024 / _IDLE
    print(f"| {_IDLE:,} idle sockets | {each:.1f} KB each, opened at {_IDLE / took:,.0f}/s |")
    for one in sockets:
        one.transport.abort()
    await asyncio.sleep(3)


async def slow(stage: Stage, seconds: float) -> None:
    """Let 5,000 sockets join other projects and stop reading: what do 10 others feel?"""
    delivery = stage.delivery(4)
    for one in await lines(_OURS, [(stage.tokens[3], project(4))] * 10):
        delivery.listen(one)
    wanted = [(10 + n // 10) for n in range(_SLOW)]
    crowd = await lines(_OURS, [(stage.tokens[n - 1], project(n)) for n in wanted])
    others = [stage.delivery(n) for n in range(10, 10 + _SLOW // 10, 10)]
    told = []
    for reads in (True, False):
        for one in crowd if not reads else ():
            one.transport.pause_reading()
        noise = [asyncio.create_task(one.write(seconds, 1)) for one in others]
        told.append(await delivery.run(seconds))
        await asyncio.gather(*noise)
    print(
        f"| the same beside {_SLOW:,} sockets of others at 50 changes/s "
        f"| p99 {told[0][1]:.1f} ms while they read, {told[1][1]:.1f} ms when they do not |"
    )
    for one in crowd:
        one.transport.abort()


async def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(prog="python -m bench.realtime")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--only", default="fan-out,delivery,statements,idle,slow")
    parser.add_argument("--work", type=Path, default=HERE / ".work")
    chosen = parser.parse_args()
    async with world(chosen.work.resolve()) as made, AsyncExitStack() as held:
        ours = monynha(made, 1).begin(held)
        await ready(ours, made)
        stage = Stage(made, ours, made.tokens.read_text().split())
        only = chosen.only.split(",")
        print("| | |\n| --- | --- |")
        if "fan-out" in only:
            await against_node(stage, chosen.seconds, chosen.rounds)
        if "delivery" in only:
            await waits(stage, chosen.seconds)
        if "statements" in only:
            await statements(stage)
        if "idle" in only:
            await idle(stage)
        if "slow" in only:
            await slow(stage, chosen.seconds)
        print(f"\n{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, one worker, its clients beside it.")


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
