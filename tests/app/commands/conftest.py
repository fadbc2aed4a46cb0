"""A program that serves, beside which commands run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.app.command_line import run_command
from tests.journeys.program import SERVE, Program, run_program


@pytest.fixture(scope="session")
def running_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A program that serves, for all tests of commands."""
    with run_program(tmp_path_factory.mktemp("data"), *SERVE, MONYNHA_LIMIT_AUTH="off") as program:
        yield program


@pytest.fixture(scope="session")
def program_with_demo(running_program: Program) -> Program:
    """The same program, with the demo in its database."""
    assert run_command(running_program, "demo").returncode == 0
    return running_program
