"""`monynha backup` and `monynha restore`: a running program, restored elsewhere with its keys."""

from __future__ import annotations

import json
from pathlib import Path

from tests.app.command_line import run_monynha
from tests.journeys.program import SERVE, run_program


def test_backup_of_a_running_program_is_restored_with_its_keys(tmp_path: Path) -> None:
    old_dir, new_dir, backup_dir = str(tmp_path / "old"), str(tmp_path / "new"), str(tmp_path / "backup")
    with run_program(tmp_path / "old", *SERVE):
        backup = run_monynha("backup", backup_dir, "--json", "--data-dir", old_dir)
    restored = run_monynha("restore", backup_dir, "--json", "--data-dir", new_dir)
    second_restore = run_monynha("restore", backup_dir, "--data-dir", new_dir)

    assert json.loads(backup.stdout) == json.loads(restored.stdout)
    assert json.loads(backup.stdout)["rows"] > 0
    assert run_monynha("keys", "--data-dir", new_dir).stdout == run_monynha("keys", "--data-dir", old_dir).stdout
    assert second_restore.returncode == 1
    assert second_restore.stderr == (
        "monynha: the database is not empty; restore into a new --data-dir or a new database\n"
    )
