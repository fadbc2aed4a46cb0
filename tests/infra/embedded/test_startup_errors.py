"""What stops the embedded servers, each in one line that names it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from monynha.core.errors import SettingsError
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import run_servers, with_jwt_secret
from monynha.infra.embedded.stale_processes import find_processes
from tests.infra.embedded.probes import (
    settings_for,
)


async def test_a_folder_of_another_major_is_refused(postgres_only: Settings) -> None:
    with_jwt_secret(postgres_only)
    cluster = postgres_only.data_dir / "pg"
    cluster.mkdir()
    (cluster / "PG_VERSION").write_text("13\n")

    with pytest.raises(SettingsError, match=r"^MONYNHA_DATA_DIR: \S+/pg is of PostgreSQL 13, this program has \d+$"):
        async with run_servers(postgres_only):
            pass


async def test_a_data_folder_without_its_secrets_is_refused(postgres_only: Settings) -> None:
    (postgres_only.data_dir / "pg").mkdir(parents=True)

    with pytest.raises(SettingsError, match=r"^MONYNHA_DATA_DIR: \S+/secrets.json is missing"):
        async with run_servers(postgres_only):
            pass


async def test_foreign_secrets_are_refused(postgres_only: Settings) -> None:
    async with run_servers(postgres_only):
        pass
    (postgres_only.data_dir / "secrets.json").write_text(
        '{"jwt_secret": "a", "superuser_password": "b", "login_password": "c"}'
    )

    with pytest.raises(SettingsError, match=r"secrets\.json there is not the one of its database"):
        async with run_servers(postgres_only):
            pass
    assert find_processes(postgres_only.data_dir / "pg", "postgres") == []


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("MONYNHA_POSTGRES_BIN", r"^MONYNHA_POSTGRES_BIN: there is no postgres and initdb in /usr/share$"),
        ("MONYNHA_VALKEY_BIN", r"^MONYNHA_VALKEY_BIN: there is no valkey-server in /usr/share$"),
    ],
)
async def test_a_folder_without_the_programs_is_refused(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        async with run_servers(settings_for(tmp_path, **{name: "/usr/share"})):
            pass
    assert find_processes(tmp_path / "valkey", "valkey-server") == []


async def test_a_file_in_place_of_the_data_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").touch()

    with pytest.raises(SettingsError, match=r"^MONYNHA_DATA_DIR: \S+/data is a file, not a folder$"):
        async with run_servers(settings_for(tmp_path / "data")):
            pass


_USE_SERVERS = """
import sys
from pathlib import Path
from monynha.app.commands.options import read_settings, run
from monynha.core.errors import WrongSetting
from monynha.infra.embedded import servers
async def use():
    async with servers(read_settings()):
        print("used")
try:
    run(use())
except WrongSetting as refused:
    sys.exit(str(refused))
"""


def use_on_small_disk(folder: Path, size: str, fill: str = "true") -> subprocess.CompletedProcess[str]:
    """Use the servers on a disk of their own, in a namespace that any user may make."""
    steps = f"mount -t tmpfs -o size={size} none {folder} && {fill} && exec {sys.executable} -c '{_USE_SERVERS}'"
    return subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", steps],
        env={"PATH": os.environ["PATH"], "MONYNHA_DATA_DIR": str(folder / "data")},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("size", ["1m", "20m"])
def test_a_first_start_on_a_full_disk_is_refused_in_one_line(tmp_path: Path, size: str) -> None:
    result = use_on_small_disk(tmp_path, size)

    assert result.returncode == 1
    assert result.stderr.startswith("MONYNHA_DATA_DIR: the disk is full")
    assert result.stderr.count("\n") == 1


def test_a_later_start_on_a_full_disk_is_refused_in_one_line(tmp_path: Path) -> None:
    fill = f"{sys.executable} -c '{_USE_SERVERS}' && (cat /dev/zero > {tmp_path}/fill 2> /dev/null || true)"
    result = use_on_small_disk(tmp_path, "300m", fill)

    assert result.stdout == "used\n"
    assert result.stderr.startswith("MONYNHA_DATA_DIR: the disk is full")
    assert result.stderr.count("\n") == 1
