"""What all clients of a run counted, the line of each interval, and the verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

MAX_GROWTH = 1.1
"""The resident memory at the end may be this many times that after the first minute."""
EXPECTED_OF_HOSTILE = frozenset({101, 200, 400, 408, 429, 431})
"""How the server may answer clients that break its rules; they also get valid responses, which they do not read."""


@dataclass
class Results:
    """The counts of a run; those of an interval start anew with each line."""

    requests: int = 0
    events: int = 0
    latencies_ms: list[float] = field(default_factory=list)
    """Of the requests of well-behaved clients in this interval."""
    hostile_responses: Counter[int] = field(default_factory=Counter)
    """Responses to hostile clients by status."""
    problems: Counter[str] = field(default_factory=Counter)
    """How often each problem occurred."""

    def record_request(self, status: int, name: str, duration_s: float) -> None:
        """Record the response to a request of a well-behaved client, which must be a success."""
        self.requests += 1
        self.latencies_ms.append(duration_s * 1000)
        if not 200 <= status < 300:
            self.problems[f"{name} was answered with {status}"] += 1

    def record_hostile_response(self, status: int, name: str) -> None:
        """Record the response to a hostile client."""
        self.hostile_responses[status] += 1
        if status not in EXPECTED_OF_HOSTILE:
            self.problems[f"the hostile client `{name}` was answered with {status}"] += 1

    def start_interval(self) -> Interval:
        """Return the interval until now, and start the next one."""
        latencies, self.latencies_ms = sorted(self.latencies_ms), []
        p99_ms = latencies[int(len(latencies) * 0.99)] if latencies else 0.0
        return Interval(len(latencies), p99_ms)


@dataclass(frozen=True)
class Interval:
    """The requests of an interval."""

    requests: int
    p99_ms: float

    def render(self, elapsed_s: float, duration_s: float, rss_mb: float, sockets: int, events: int) -> str:
        """Return the line that is printed; `events` are those since the start."""
        return (
            f"{int(elapsed_s) // 60:02}:{int(elapsed_s) % 60:02}  {self.requests / duration_s:,.0f} requests/s  "
            f"p99 {self.p99_ms:.1f} ms  RSS {rss_mb:.1f} MB  {sockets} sockets  {events:,} events received"
        )


@dataclass
class MemoryTrace:
    """The resident memory of the worker: MB by the seconds since the start."""

    samples: list[tuple[float, float]] = field(default_factory=list)

    def around(self, elapsed_s: float, width_s: float = 30.0) -> float:
        """Return the median of the samples of the last seconds before a moment, 0 without samples."""
        values = [mb for at_s, mb in self.samples if elapsed_s - width_s <= at_s <= elapsed_s]
        return median(values) if values else 0.0

    def growth_problem(self, settled_s: float, end_s: float) -> str | None:
        """Return what is wrong if the memory grew after the moment at which it had settled."""
        settled_mb, end_mb = self.around(settled_s), self.around(end_s)
        if end_mb <= settled_mb * MAX_GROWTH:
            return None
        return (
            f"RSS grew from {settled_mb:.1f} MB after {settled_s:.0f} s to {end_mb:.1f} MB "
            f"({end_mb / settled_mb:.2f} ×, allowed {MAX_GROWTH} ×)"
        )


def render_verdict(problems: Sequence[str]) -> str:
    """Return the last lines."""
    return "\n".join(f"FAILED: {problem}" for problem in problems) or "passed"
