"""The command line: its help, and how it reports a wrong setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from monynha.app.cli import make_app
from monynha.core.settings.settings import SERVICES
from tests.app.command_line import command_names, run_monynha

WITHOUT_DATA_DIR = {"openapi"}
COMMANDS = command_names(make_app())


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_has_an_example(command: str) -> None:
    help_text = run_monynha(*command.split(), "--help").stdout

    assert f"Example: monynha {command}" in help_text
    assert ("--data-dir" in help_text) is (command not in WITHOUT_DATA_DIR)


def test_overview_names_every_command() -> None:
    groups = {command.partition(" ")[0] for command in COMMANDS if " " in command}
    overviews = {"": run_monynha().stdout, **{group: run_monynha(group, "--help").stdout for group in groups}}

    for command in COMMANDS:
        group, _, name = command.rpartition(" ")
        assert f" {name} " in overviews[group]


def test_wrong_option_is_refused_in_one_line(tmp_path: Path) -> None:
    result = run_monynha("serve", "--services", "api,mail", "--data-dir", str(tmp_path))

    assert result.returncode == 1
    services = ", ".join(SERVICES)
    assert result.stderr == f"monynha: MONYNHA_SERVICES: there is no service 'mail', only {services}\n"
    assert result.stdout == ""
