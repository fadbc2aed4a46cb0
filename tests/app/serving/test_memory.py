"""Memory of large responses goes back to the system."""

from __future__ import annotations

import subprocess
import sys

_FILL_AND_FREE = """
import sys
from pathlib import Path
from monynha.app.serving.memory import return_large_blocks

def rss():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

is_set = sys.argv[1] == "set" and return_large_blocks()
small = []
bytearray(20_000_000).clear()
before = rss()
for _ in range(20):
    large = [b"x" * 9_000_000 for _ in range(10)]
    small.append(bytes(1000))
    del large
print(is_set, rss() - before)
"""


def kept_bytes(argument: str) -> tuple[bool, int]:
    """Return whether the function took effect, and by how much a process grew that has freed large blocks."""
    result = subprocess.run(
        [sys.executable, "-c", _FILL_AND_FREE, argument], capture_output=True, text=True, check=True
    )
    is_set, growth = result.stdout.split()
    return is_set == "True", int(growth)


def test_freed_large_blocks_are_not_resident_any_more() -> None:
    is_set, growth = kept_bytes("set")

    assert is_set
    assert growth < 10_000_000
