"""`monynha migrate`: what it reports."""

from __future__ import annotations

import json

from monynha import __version__
from tests.app.command_line import run_command
from tests.journeys.program import Program


def test_migrated_database_is_not_changed_again(running_program: Program) -> None:
    as_json = json.loads(run_command(running_program, "migrate", "--json").stdout)
    as_text = run_command(running_program, "migrate").stdout

    assert as_json == {"release": __version__, "changed": False}
    assert as_text == f"The database is at release {__version__}; nothing was to do.\n"
