"""Run the benchmark of background jobs and print its table: `make bench-jobs`."""

from __future__ import annotations

import argparse
import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from uuid import uuid4

import asyncpg
import uvloop

from bench.dataset import BENCH_FOLDER
from bench.jobs import monynha
from bench.jobs.peers import Rates, available_peers, run_durable_valkey
from monynha.app.maintenance.migration import migrate
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls, run_servers, with_jwt_secret
from monynha.infra.postgres.database import Database

MONYNHA = "Monynha"
_CONNECTIONS = 16


def parse_options() -> argparse.Namespace:
    """Parse the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.jobs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=40_000)
    parser.add_argument("--work", type=Path, default=BENCH_FOLDER / ".work")
    parser.add_argument("--without-peers", action="store_true", help="measure only Monynha")
    return parser.parse_args()


async def measure_monynha(servers: ServerUrls, database: Database, job_count: int) -> Rates:
    """Measure one round of Monynha on an empty table."""
    owner = await asyncpg.connect(servers.owner_url, server_settings={"role": "monynha_owner"})
    await owner.execute("truncate monynha.jobs")
    await owner.close()
    queue = f"bench-{uuid4()}"
    in_bulk = await monynha.enqueue_in_bulk(database, queue, job_count)
    worked_off = await monynha.work_off(servers.database_url, queue, job_count)
    one_by_one = await monynha.enqueue_one_by_one(database, queue, 3_000)
    return Rates(worked_off, one_by_one, in_bulk)


def render(rounds: dict[str, list[Rates]]) -> str:
    """Return the table of the medians, and the ratio to each peer."""
    lines = [
        "| jobs a second | worked off, one worker process | enqueued one by one | in bulk | Monynha works off |",
        "| --- | --- | --- | --- | --- |",
    ]
    ours = median(rates.worked_off for rates in rounds[MONYNHA])
    for name, rates in rounds.items():
        worked_off = median(rate.worked_off for rate in rates)
        one_by_one = [rate.one_by_one for rate in rates if rate.one_by_one is not None]
        in_bulk = [rate.in_bulk for rate in rates if rate.in_bulk is not None]
        cells = [f"{median(values):,.0f}" if values else "" for values in (one_by_one, in_bulk)]
        ratio = "" if name == MONYNHA else f"{ours / worked_off:.2f} ×"
        lines.append(f"| {name} | {worked_off:,.0f} | {' | '.join(cells)} | {ratio} |")
    return "\n".join(lines)


async def main() -> None:
    """Measure all queues in turn, and print the table."""
    options = parse_options()
    work_folder = options.work.resolve()
    work_folder.mkdir(parents=True, exist_ok=True)
    settings = with_jwt_secret(Settings.read({"MONYNHA_DATA_DIR": str(work_folder / "jobs"), "LOG_LEVEL": "error"}))
    async with run_servers(settings) as servers, run_durable_valkey(work_folder / "durable-valkey") as valkey_port:
        await migrate(servers.owner_url)
        peers = [] if options.without_peers else await available_peers(servers, valkey_port, work_folder)
        database = await Database.open(servers.database_url, size=_CONNECTIONS)
        rounds: dict[str, list[Rates]] = {name: [] for name in (MONYNHA, *(peer.name for peer in peers))}
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", flush=True)
            rounds[MONYNHA].append(await measure_monynha(servers, database, options.jobs))
            for peer in peers:
                rounds[peer.name].append(await peer.measure())
        await database.close()
        delays = await monynha.measure_idle_delays(settings, servers, 200)
    percentiles = quantiles(delays, n=100)
    print(f"\n{render(rounds)}")
    print(f"\nenqueue → start on an idle queue: p50 {percentiles[49]:.1f} ms, p99 {percentiles[98]:.1f} ms")
    print(
        f"\n{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, empty handlers, durable (synchronous_commit, "
        f"AOF always), medians of {options.rounds} rounds."
    )


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
