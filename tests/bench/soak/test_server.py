"""The log of the server under test may tell of refusals, but of no errors."""

from __future__ import annotations

from bench.soak.server import logged_errors


def test_errors_of_the_log_are_recognised() -> None:
    lines = [
        '{"event":"request","status":200,"level":"info"}\n',
        '{"event":"request","status":408,"level":"info"}\n',
        '{"event":"request","status":503,"level":"info"}\n',
        '{"event":"connection lost","level":"warning"}\n',
        '{"event":"request","status":500,"level":"error"}\n',
        "Traceback (most recent call last):\n",
    ]

    assert logged_errors(lines) == [lines[2].strip(), lines[4].strip(), lines[5].strip()]
