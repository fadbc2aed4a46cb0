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
    "graph1": "GraphQL, one task",
    "graph3": "GraphQL, 3 levels",
    "graph5": "GraphQL, 5 levels",
}

LIMIT = "pgbench, the same statements (limit)"
ALONE = "pgbench, the insert without its event"


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
        return _middle(table, scenario, name)

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

    def beside_rest() -> str:
        rest, graph = middle("task", ours.name), middle("graph1", ours.name)
        return f"{rest / graph:.2f} ×" if rest and graph else ""

    rows = [
        _row("requests a second", SCENARIOS.get, "memory"),
        _row("---", lambda _: "---", "---"),
        _row(LIMIT, speed(LIMIT)),
        _row(ALONE, speed(ALONE)),
        *(_row(one.name, speed(one.name), f"{one.memory_mb():.0f} MB") for one in found),
        _row(f"**{ours.name} of the limit**", ratio(LIMIT, "{:.2f}")),
        *(_row(f"**against {one.name}**", ratio(one.name, "{:.1f} ×")) for one in peers),
        _row("**GraphQL beside REST**", lambda scenario: beside_rest() if scenario == "graph1" else ""),
        _row(f"{ours.name}, p50", waited("p50_ms")),
        _row(f"{ours.name}, p99", waited("p99_ms")),
    ]
    return "\n".join(rows)


def limits(table: Table) -> str:
    """Return what the server alone makes of each scenario, and how much of an insert its event leaves."""
    lines = [
        f"{SCENARIOS[scenario]}: {_middle(table, scenario, LIMIT):,.0f} a second" for scenario in SCENARIOS
    ]
    told, alone = _middle(table, "insert", LIMIT), _middle(table, "insert", ALONE)
    if told and alone:
        lines.append(
            f"insert a task without its event: {alone:,.0f} a second; with it {told / alone:.2f} of that"
        )
    return "\n".join(lines)


def _middle(table: Table, scenario: str, name: str) -> float | None:
    rounds = table[scenario][name]
    return median(one.per_second for one in rounds) if rounds else None


def _row(head: str, cell: Callable[[str], str | None], last: str = "") -> str:
    return f"| {head} | " + " | ".join(cell(scenario) or "" for scenario in SCENARIOS) + f" | {last} |"
