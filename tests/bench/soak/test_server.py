"""The log of the server under test may tell of refusals, but of no errors, and its connections are counted."""

from __future__ import annotations

from bench.soak.server import count_connections, logged_errors


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


def test_only_connections_of_the_port_that_the_server_has_not_closed_count() -> None:
    table = """  sl  local_address rem_address   st tx_queue rx_queue
   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000
   1: 0100007F:1F40 0100007F:C350 01 00000000:00000000
   2: 0100007F:C350 0100007F:1F40 01 00000000:00000000
   3: 0100007F:1F40 0100007F:C351 08 00000000:00000000
   4: 0100007F:1F40 0100007F:C352 06 00000000:00000000
   5: 0100007F:1F41 0100007F:C353 01 00000000:00000000
"""

    assert count_connections(table, 8000) == 2
