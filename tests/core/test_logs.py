"""Log lines: one line each, whatever a client sends."""

from __future__ import annotations

import subprocess
import sys

import pytest

_SCRIPT = """
import logging, structlog
from monynha.core.logs import configure_logging
configure_logging(level="info", as_json={as_json})
text = "a\\x1b[31mred\\r\\nb\\x00\\x9b\\u202e\\u2028c"
structlog.get_logger("monynha.http").info("request", path=text, query=[text])
logging.getLogger("monynha").warning(text)
"""


@pytest.mark.parametrize("as_json", [False, True])
def test_control_characters_are_escaped(as_json: bool) -> None:
    script = _SCRIPT.format(as_json=as_json)
    completed = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)

    lines = completed.stderr.decode().split("\n")

    # JSON escapes what is below the space, and its readers are no terminals.
    escape = "\\u001b[31mred" if as_json else "\\x1b[31mred"
    unprintable = {character for line in lines for character in line if not character.isprintable()}
    assert [escape in line for line in lines] == [True, True, False]
    assert unprintable == ({"\x9b", "\u202e", "\u2028"} if as_json else set())
