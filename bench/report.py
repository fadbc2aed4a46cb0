"""The table of the benchmark in Markdown: requests a second, ratios, latencies and memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from bench.targets import Target

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
WITHOUT_EVENT = "pgbench, the insert without its event"


@dataclass(frozen=True)
class Measurement:
    """The result of one round."""

    per_second: float
    p50_ms: float
    p99_ms: float


Table = dict[str, dict[str, list[Measurement]]]
"""The rounds by scenario and target; empty if the target does not support the scenario."""


def render_report(table: Table, targets: list[Target]) -> str:
    """Return the table; the first target is Monynha in production, the second without limits and request logs."""
    ours, bare, *peers = targets

    def median_rate(scenario: str, name: str) -> float | None:
        return median_rate_of(table, scenario, name)

    def ratio(name: str, template: str) -> Callable[[str], str]:
        def cell(scenario: str) -> str:
            ours_rate, other_rate = median_rate(scenario, ours.name), median_rate(scenario, name)
            return template.format(ours_rate / other_rate) if ours_rate and other_rate else ""

        return cell

    def rate(name: str) -> Callable[[str], str]:
        return lambda scenario: f"{median_rate(scenario, name):,.0f}" if median_rate(scenario, name) else ""

    def latency(field: str) -> Callable[[str], str]:
        def cell(scenario: str) -> str:
            rounds = table[scenario][ours.name]
            return f"{median(getattr(measurement, field) for measurement in rounds):.1f} ms" if rounds else ""

        return cell

    def graphql_overhead() -> str:
        rest, graph = median_rate("task", ours.name), median_rate("graph1", ours.name)
        return f"{rest / graph:.2f} ×" if rest and graph else ""

    rows = [
        _row("requests a second", SCENARIOS.get, "memory"),
        _row("---", lambda _: "---", "---"),
        _row(LIMIT, rate(LIMIT)),
        _row(WITHOUT_EVENT, rate(WITHOUT_EVENT)),
        *(_row(target.name, rate(target.name), f"{target.memory_mb():.0f} MB") for target in targets),
        _row(f"**{ours.name} of the limit**", ratio(LIMIT, "{:.2f}")),
        _row(f"**{ours.name} of bare**", ratio(bare.name, "{:.2f}")),
        *(_row(f"**against {peer.name}**", ratio(peer.name, "{:.1f} ×")) for peer in peers),
        _row("**GraphQL beside REST**", lambda scenario: graphql_overhead() if scenario == "graph1" else ""),
        _row(f"{ours.name}, p50", latency("p50_ms")),
        _row(f"{ours.name}, p99", latency("p99_ms")),
    ]
    return "\n".join(rows)


def render_limits(table: Table) -> str:
    """Return the limit of each scenario, and the cost of the event of an insert."""
    lines = [f"{SCENARIOS[scenario]}: {median_rate_of(table, scenario, LIMIT):,.0f} a second" for scenario in SCENARIOS]
    with_event, without_event = (
        median_rate_of(table, "insert", LIMIT),
        median_rate_of(table, "insert", WITHOUT_EVENT),
    )
    if with_event and without_event:
        lines.append(
            f"insert a task without its event: {without_event:,.0f} a second; "
            f"with it {with_event / without_event:.2f} of that"
        )
    return "\n".join(lines)


def median_rate_of(table: Table, scenario: str, name: str) -> float | None:
    """Return the requests a second of a target, None if it does not support the scenario."""
    rounds = table[scenario][name]
    return median(measurement.per_second for measurement in rounds) if rounds else None


def _row(title: str, cell: Callable[[str], str | None], last: str = "") -> str:
    return f"| {title} | " + " | ".join(cell(scenario) or "" for scenario in SCENARIOS) + f" | {last} |"
