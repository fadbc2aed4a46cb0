"""`monynha doctor`: what it prints, and its exit code."""

from __future__ import annotations

import json
from pathlib import Path

from tests.app.command_line import run_command, run_monynha
from tests.journeys.program import Program


def test_running_program_is_fine(running_program: Program) -> None:
    result = run_command(running_program, "doctor", "--json")

    levels = {check["check"]: check["level"] for check in json.loads(result.stdout)}
    assert result.returncode == 0
    assert {"database": "fine", "login": "fine", "rights": "fine", "valkey": "fine"}.items() <= levels.items()


def test_danger_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    environ = {"DATABASE_URL": "postgresql://me:drawn@127.0.0.1:1/none", "JWT_SECRET": "7f" * 20 + "k3y"}

    result = run_monynha("doctor", REDIS_URL="redis://127.0.0.1:1", MONYNHA_DATA_DIR=str(tmp_path), **environ)

    assert result.returncode == 1
    assert "danger   database: DATABASE_URL: " in result.stdout
