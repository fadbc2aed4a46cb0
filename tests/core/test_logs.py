"""The lines of the log in production, from structlog and from the standard library."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime

import pytest

PROGRAM = """
import logging, structlog
from uuid import UUID
from monynha.core.logs import configure_logging
configure_logging(level="info", as_json=True)
log = structlog.get_logger("monynha.http")
for number in range(1000):
    log.info("request", number=number, userId=UUID(int=number))
log.debug("not shown")
log.error("failed", err={"type": "ValueError"})
logging.getLogger("monynha.limits").info("counted %s", "here")
logging.getLogger("a.library").info("not shown")
logging.getLogger("a.library").warning("shown")
"""


def test_every_line_is_json_with_time_and_level_and_is_written_before_the_program_ends() -> None:
    result = subprocess.run([sys.executable, "-c", PROGRAM], env=os.environ, capture_output=True, check=True, text=True)

    lines = [json.loads(line) for line in result.stderr.splitlines()]
    assert [line.get("number") for line in lines[:1000]] == list(range(1000))
    assert lines[7]["userId"] == "00000000-0000-0000-0000-000000000007"
    assert [(line["level"], line["event"]) for line in lines[1000:]] == [
        ("error", "failed"),
        ("info", "counted here"),
        ("warning", "shown"),
    ]
    assert all(line["time"].endswith("Z") and datetime.fromisoformat(line["time"]).tzinfo for line in lines)


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
