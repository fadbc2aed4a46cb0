"""Run the benchmark of sockets and print its table: `make bench-realtime`."""

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

from bench.dataset import BENCH_FOLDER, Dataset, open_dataset
from bench.launchers import bare_spec, install_packages
from bench.realtime.fan_out import SUBSCRIBERS, measure_fan_out
from bench.realtime.latency import LatencyProbe
from bench.realtime.ws_client import open_clients
from bench.targets import LaunchSpec, Target, wait_until_ready

_IDLE_SOCKETS = 10_000
_SLOW_SOCKETS = 5_000
_MONYNHA_PORT, _NODE_PORT = 8107, 8106
_STATISTICS_DELAY_S = 12
"""How long an idle PostgreSQL process takes to report its statistics."""


@dataclass(frozen=True)
class Setup:
    """Monynha running on the dataset, and the access tokens of the users."""

    dataset: Dataset
    monynha: Target
    tokens: list[str]

    def latency_probe(self, user: int) -> LatencyProbe:
        """Return a probe that changes tasks of a project of the user."""
        tasks = [f"00000000-0000-4000-b000-{user + 20000 * n:012x}" for n in range(8)]
        return LatencyProbe(_MONYNHA_PORT, self.tokens[user - 1], tasks)


def project_id(number: int) -> str:
    """Return the id of a project; the user of the same number owns it."""
    return f"00000000-0000-4000-a000-{number:012x}"


async def compare_fan_out(setup: Setup, seconds: float, rounds: int) -> None:
    """Deliver messages to 500 sockets, in turn with a Node server that fans out in memory."""
    token, rates = setup.tokens[0], {_MONYNHA_PORT: [], _NODE_PORT: []}
    sizes = {}
    peer = await install_packages(BENCH_FOLDER / "peers" / "ws")
    async with AsyncExitStack() as stack:
        if peer:
            spec = LaunchSpec(
                "Node ws",
                _NODE_PORT,
                ("node", "server.js"),
                {"PORT": str(_NODE_PORT)},
                BENCH_FOLDER / "peers" / "ws",
            )
            spec.launch(stack)
            await asyncio.sleep(1)
        for _ in range(rounds):
            for port in rates if peer else [_MONYNHA_PORT]:
                rate, sizes[port] = await measure_fan_out(port, token, project_id(1), seconds)
                rates[port].append(rate)
    for port, rate in rates.items():
        if rate:
            name = "Monynha" if port == _MONYNHA_PORT else "Node ws"
            print(f"| {name}: delivered to {SUBSCRIBERS} sockets | {median(rate):,.0f}/s of {sizes[port]} bytes |")
    if peer:
        print(f"| ratio | {median(rates[_MONYNHA_PORT]) / median(rates[_NODE_PORT]):.2f} |")


async def measure_latency(setup: Setup, seconds: float) -> None:
    """Measure the time from a request to its delivery at 100 changes a second."""
    probe = setup.latency_probe(2)
    for client in await open_clients(_MONYNHA_PORT, [(setup.tokens[1], project_id(2))] * 10):
        probe.observe(client)
    p50, p99 = await probe.run(seconds)
    print(f"| a change reaches 10 subscribers, at 100 changes/s | p50 {p50:.1f} ms, p99 {p99:.1f} ms |")


async def measure_transactions(setup: Setup) -> None:
    """Count the transactions of 100 changes with 10 and with 1,000 subscribers."""
    owner = await asyncpg.connect(setup.dataset.servers.owner_url)
    sockets, per_change = [], []
    for count in (10, 990):
        sockets += await open_clients(_MONYNHA_PORT, [(setup.tokens[2], project_id(3))] * count)
        probe = setup.latency_probe(3)
        probe.observe(sockets[0])
        await asyncio.sleep(_STATISTICS_DELAY_S)
        before = await _transaction_count(owner)
        await probe.run(2, 50)
        await asyncio.sleep(_STATISTICS_DELAY_S)
        per_change.append((await _transaction_count(owner) - before) / 100)
    print(f"| transactions a change, with 10 and with 1,000 subscribers | {per_change[0]:.1f}, {per_change[1]:.1f} |")
    for client in sockets:
        client.transport.abort()
    await owner.close()


async def _transaction_count(owner: asyncpg.Connection) -> int:
    query = "select xact_commit from pg_stat_database where datname = current_database()"
    return int(await owner.fetchval(query))


async def measure_idle(setup: Setup) -> None:
    """Open 10,000 idle sockets, 500 a second."""
    before = setup.monynha.memory_mb()
    loop = asyncio.get_running_loop()
    started = loop.time()
    sockets = await open_clients(_MONYNHA_PORT, [(setup.tokens[n % 10_000], None) for n in range(_IDLE_SOCKETS)])
    duration_s = loop.time() - started
    await asyncio.sleep(1)
    kb_per_socket = (setup.monynha.memory_mb() - before) * 1024 / _IDLE_SOCKETS
    print(
        f"| {_IDLE_SOCKETS:,} idle sockets "
        f"| {kb_per_socket:.1f} KB each, opened at {_IDLE_SOCKETS / duration_s:,.0f}/s |"
    )
    for client in sockets:
        client.transport.abort()
    await asyncio.sleep(3)


async def measure_slow_readers(setup: Setup, seconds: float) -> None:
    """Measure the latency of 10 sockets while 5,000 sockets of other projects do not read."""
    probe = setup.latency_probe(4)
    for client in await open_clients(_MONYNHA_PORT, [(setup.tokens[3], project_id(4))] * 10):
        probe.observe(client)
    project_numbers = [(10 + n // 10) for n in range(_SLOW_SOCKETS)]
    slow_clients = await open_clients(_MONYNHA_PORT, [(setup.tokens[n - 1], project_id(n)) for n in project_numbers])
    others = [setup.latency_probe(n) for n in range(10, 10 + _SLOW_SOCKETS // 10, 10)]
    latencies = []
    for reads in (True, False):
        for client in slow_clients if not reads else ():
            client.transport.pause_reading()
        writers = [asyncio.create_task(probe.write(seconds, 1)) for probe in others]
        latencies.append(await probe.run(seconds))
        await asyncio.gather(*writers)
    print(
        f"| the same beside {_SLOW_SOCKETS:,} sockets of others at 50 changes/s "
        f"| p99 {latencies[0][1]:.1f} ms while they read, {latencies[1][1]:.1f} ms when they do not |"
    )
    for client in slow_clients:
        client.transport.abort()


async def main() -> None:
    """Parse the options, run the measurements and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.realtime")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--only", default="fan-out,delivery,statements,idle,slow")
    parser.add_argument("--work", type=Path, default=BENCH_FOLDER / ".work")
    options = parser.parse_args()
    async with open_dataset(options.work.resolve()) as dataset, AsyncExitStack() as stack:
        monynha = bare_spec(dataset, 1).launch(stack)
        await wait_until_ready(monynha, dataset)
        setup = Setup(dataset, monynha, dataset.tokens_file.read_text().split())
        only = options.only.split(",")
        print("| | |\n| --- | --- |")
        if "fan-out" in only:
            await compare_fan_out(setup, options.seconds, options.rounds)
        if "delivery" in only:
            await measure_latency(setup, options.seconds)
        if "statements" in only:
            await measure_transactions(setup)
        if "idle" in only:
            await measure_idle(setup)
        if "slow" in only:
            await measure_slow_readers(setup, options.seconds)
        print(f"\n{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, one worker, its clients beside it.")


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
