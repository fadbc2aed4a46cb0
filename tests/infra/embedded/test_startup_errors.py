"""The one line that says why a server does not start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from monynha.infra.embedded import find_postgres
from monynha.infra.embedded.startup_errors import read_log_since, startup_error
from tests.machine import needs_mounts

_USE_SERVERS = """
import sys
from pathlib import Path
from monynha.app.commands.options import read_settings, run
from monynha.core.errors import SettingsError
from monynha.infra.embedded import run_servers
async def use():
    async with run_servers(read_settings()):
        print("used")
try:
    run(use())
except SettingsError as error:
    sys.exit(str(error))
"""


def use_on_small_disk(folder: Path, size: str, fill: str = "true") -> subprocess.CompletedProcess[str]:
    """Use the servers on a disk of their own, mounted in a namespace that any user may create."""
    steps = f"mount -t tmpfs -o size={size} none {folder} && {fill} && exec {sys.executable} -c '{_USE_SERVERS}'"
    return subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", steps],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "MONYNHA_DATA_DIR": str(folder / "data"),
        },
        capture_output=True,
        text=True,
        timeout=60,
    )


def use_with_failing_postgres(folder: Path, bin_dir: Path) -> subprocess.CompletedProcess[str]:
    """Use the servers with programs of PostgreSQL that find the disk full whatever they write."""
    bin_dir.mkdir()
    for name in ("postgres", "initdb"):
        print_version = f'[ "$1" = --version ] && exec {find_postgres(None) / name} --version'
        (bin_dir / name).write_text(f"#!/bin/sh\n{print_version}\nexec dd if=/dev/zero of=/dev/full count=1\n")
        (bin_dir / name).chmod(0o755)
    return use_servers(folder, MONYNHA_POSTGRES_BIN=str(bin_dir))


def use_servers(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _USE_SERVERS],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "MONYNHA_DATA_DIR": str(folder / "data"),
            **environ,
        },
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_start_of_a_server_that_finds_the_disk_full_is_refused_in_one_line(tmp_path: Path) -> None:
    first_start = use_with_failing_postgres(tmp_path, tmp_path / "failing")
    assert use_servers(tmp_path).stdout == "used\n"
    later_start = use_with_failing_postgres(tmp_path, tmp_path / "failing-later")

    message = "MONYNHA_DATA_DIR: the disk is full, PostgreSQL cannot start there\n"
    assert (first_start.returncode, first_start.stderr) == (1, message)
    assert (later_start.returncode, later_start.stderr) == (1, message)


@needs_mounts
@pytest.mark.parametrize("size", ["1m", "20m"])
def test_first_start_on_a_full_disk_is_refused_in_one_line(tmp_path: Path, size: str) -> None:
    result = use_on_small_disk(tmp_path, size)

    assert result.returncode == 1
    assert result.stderr.startswith("MONYNHA_DATA_DIR: the disk is full")
    assert result.stderr.count("\n") == 1


@needs_mounts
def test_later_start_on_a_full_disk_is_refused_in_one_line(tmp_path: Path) -> None:
    fill = f"{sys.executable} -c '{_USE_SERVERS}' && (cat /dev/zero > {tmp_path}/fill 2> /dev/null || true)"
    result = use_on_small_disk(tmp_path, "300m", fill)

    assert result.stdout == "used\n"
    assert result.stderr.startswith("MONYNHA_DATA_DIR: the disk is full")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("LOG:  starting\nFATAL:  bad option\nLOG:  stopped", "FATAL:  bad option"),
        ("one\ntwo", "one / two"),
        ("error " + "x" * 500, ("error " + "x" * 500)[:300]),
    ],
)
def test_error_lines_of_the_output_become_one_line(output: str, reason: str) -> None:
    assert str(startup_error("PostgreSQL", output)) == f"MONYNHA_DATA_DIR: PostgreSQL does not start: {reason}"


def test_only_what_was_logged_since_the_start_is_read(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\nafter\n")

    assert read_log_since(log, len("before\n")) == "after"
