"""The benchmark's table: requests a second, ratios, latencies and memory, in Markdown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from bench.contenders import Contender

SCENARIOS = {
    "projects": "list 20 projects",
    "tasks": "50 tasks",
    "task": "one task",
    "insert": "insert a task",
    "graph3": "GraphQL, 3 levels",
    "graph5": "GraphQL, 5 levels",
}


@dataclass(frozen=True)
class Measured:
    """One round: requests a second, and milliseconds."""

    per_second: float
    p50_ms: float
    p99_ms: float


Table = dict[str, dict[str, list[Measured]]]
"""The rounds by scenario and contender; what a contender cannot be asked is empty."""


def report(table: Table, found: list[Contender]) -> str:
    """Return the table; the first contender is ours."""
    ours, *peers = found

    def middle(scenario: str, name: str) -> float | None:
        rounds = table[scenario][name]
        return median(one.per_second for one in rounds) if rounds else None

    def ratio(name: str, form: str) -> Callable[[str], str]:
        def cell(scenario: str) -> str:
            own, other = middle(scenario, ours.name), middle(scenario, name)
            return form.format(own / other) if own and other else ""

        return cell

    def speed(name: str) -> Callable[[str], str]:
        return lambda scenario: f"{middle(scenario, name):,.0f}" if middle(scenario, name) else ""

    def waited(of: str) -> Callable[[str], str]:
        def cell(scenario: str) -> str:
            rounds = table[scenario][ours.name]
            return f"{median(getattr(one, of) for one in rounds):.1f} ms" if rounds else ""

        return cell

    rows = [
        _row("requests a second", SCENARIOS.get, "memory"),
        _row("---", lambda _: "---", "---"),
        _row("pgbench, the same statements (limit)", speed("pgbench")),
        *(_row(one.name, speed(one.name), f"{one.memory_mb():.0f} MB") for one in found),
        _row(f"**{ours.name} of the limit**", ratio("pgbench", "{:.2f}")),
        *(_row(f"**against {one.name}**", ratio(one.name, "{:.1f} ×")) for one in peers),
        _row(f"{ours.name}, p50", waited("p50_ms")),
        _row(f"{ours.name}, p99", waited("p99_ms")),
    ]
    return "\n".join(rows)


def _row(head: str, cell: Callable[[str], str | None], last: str = "") -> str:
    return f"| {head} | " + " | ".join(cell(scenario) or "" for scenario in SCENARIOS) + f" | {last} |"
