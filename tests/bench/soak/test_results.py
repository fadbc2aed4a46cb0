"""The endurance test fails for unexpected responses and for memory that grows, and for nothing else."""

from __future__ import annotations

import pytest

from bench.soak.results import MemoryTrace, Results, render_verdict


def test_a_failed_request_is_a_problem() -> None:
    results = Results()

    for status in (200, 201, 204, 503, 503):
        results.record_request(status, "a task", 0.01)

    assert results.problems == {"a task was answered with 503": 2}


@pytest.mark.parametrize(("status", "is_expected"), [(400, True), (408, True), (429, True), (431, True), (500, False)])
def test_hostile_clients_may_be_refused(status: int, is_expected: bool) -> None:
    results = Results()

    results.record_hostile_response(status, "broken request")

    assert (results.problems == {}) is is_expected


def test_an_interval_has_the_requests_since_the_last_one() -> None:
    results = Results()
    results.record_request(200, "a task", 5.0)
    results.start_interval()
    for number in range(100):
        results.record_request(200, "a task", (number + 1) / 1000)

    interval = results.start_interval()

    assert (
        interval.render(90.4, 50, 101.26, 77, 12_345)
        == "01:30  2 requests/s  p99 100.0 ms  RSS 101.3 MB  77 sockets  12,345 events received"
    )
    assert results.start_interval().p99_ms == 0.0


@pytest.mark.parametrize(
    ("end_mb", "problem"),
    [
        (110.0, None),
        (111.0, "RSS grew from 100.0 MB after 60 s to 111.0 MB (1.11 ×, allowed 1.1 ×)"),
    ],
)
def test_memory_may_grow_by_a_tenth_after_the_first_minute(end_mb: float, problem: str | None) -> None:
    trace = MemoryTrace([(float(second), 50.0) for second in range(1, 30)])
    trace.samples += [(float(second), 100.0) for second in range(30, 61)]
    trace.samples += [(float(second), end_mb) for second in range(61, 121)]
    trace.samples[55] = (56.0, 900.0)  # a single high sample decides nothing

    assert trace.growth_problem(60, 120) == problem


def test_the_verdict_names_each_problem() -> None:
    assert render_verdict([]) == "passed"
    assert render_verdict(["a", "b"]) == "FAILED: a\nFAILED: b"
