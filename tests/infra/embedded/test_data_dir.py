"""The data folder: where its parts are, and when it is refused."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from monynha.core.errors import SettingsError
from monynha.infra.embedded import run_servers
from monynha.infra.embedded.data_dir import DataLayout, ensure_directory
from monynha.infra.embedded.process_user import ProcessUser
from tests.infra.embedded.probes import (
    EXTERNAL_VALKEY,
    WITHOUT_NAMESPACES,
    settings_for,
    use_servers,
    wait_for_database,
)
from tests.journeys.program import SERVE_STUB, run_program
from tests.machine import IS_ROOT, needs_root


async def test_path_too_long_for_a_socket_gets_a_short_one(tmp_path: Path) -> None:
    settings = settings_for(tmp_path / ("long" * 30), REDIS_URL=EXTERNAL_VALKEY)

    async with run_servers(settings) as server_urls:
        await wait_for_database(server_urls)

    assert "host=/tmp/monynha-" in server_urls.database_url


async def test_socket_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    data_dir = tmp_path / ("long" * 30)
    sockets = DataLayout(data_dir, data_dir).sockets
    sockets.mkdir(mode=0o755)
    try:
        if IS_ROOT:
            os.chown(sockets, 12345, 12345)
            with pytest.raises(SettingsError, match=r"^MONYNHA_DATA_DIR: /tmp/monynha-\S+ belongs to another user$"):
                async with run_servers(settings_for(data_dir, REDIS_URL=EXTERNAL_VALKEY)):
                    pass
    finally:
        shutil.rmtree(sockets)


async def test_file_in_place_of_the_data_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").touch()

    with pytest.raises(SettingsError, match=r"^MONYNHA_DATA_DIR: \S+/data is a file, not a folder$"):
        async with run_servers(settings_for(tmp_path / "data")):
            pass


def test_existing_folder_becomes_traversable_and_keeps_its_other_rights(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o740)

    ensure_directory(folder, 0o711)

    assert folder.stat().st_mode & 0o777 == 0o751


def test_folder_that_cannot_be_created_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"^MONYNHA_DATA_DIR: /proc/monynha cannot be created: "):
        ensure_directory(Path("/proc/monynha"))


@needs_root
def test_database_is_where_nobody_can_reach_it(root_only_dir: Path) -> None:
    assert use_servers(root_only_dir, *WITHOUT_NAMESPACES) == "1"
    assert use_servers(root_only_dir, *WITHOUT_NAMESPACES) == "2"
    assert (root_only_dir / "pg").readlink().is_relative_to("/var/lib/monynha")


@needs_root
def test_database_out_of_reach_is_refused_and_not_replaced_by_an_empty_one(traversable_dir: Path) -> None:
    parent_dir = traversable_dir / "parent"
    parent_dir.mkdir(mode=0o711)

    assert use_servers(parent_dir / "data", *WITHOUT_NAMESPACES) == "1"
    parent_dir.chmod(0o700)
    message = use_servers(parent_dir / "data", *WITHOUT_NAMESPACES)
    assert message.startswith("MONYNHA_DATA_DIR: the user nobody, who must run")
    parent_dir.chmod(0o711)
    assert use_servers(parent_dir / "data", *WITHOUT_NAMESPACES) == "2"


@needs_root
@pytest.mark.parametrize("is_closed", [True, False])
def test_start_tells_in_one_line_that_the_database_is_elsewhere(
    root_only_dir: Path, traversable_dir: Path, is_closed: bool
) -> None:
    data_dir = root_only_dir if is_closed else traversable_dir / "data"
    with run_program(data_dir, *WITHOUT_NAMESPACES, *SERVE_STUB) as program:
        program.stop()
        _, stderr = program.process.communicate()

    closed_folder = ProcessUser.NOBODY.closed_folder(root_only_dir)
    expected_line = (
        f"MONYNHA_DATA_DIR: the database is in {(data_dir / 'pg').resolve()} and {data_dir / 'pg'} is a link to it, "
        f"since the user nobody, who runs PostgreSQL here, may not enter {closed_folder}; "
        "keep both (docs/guide/containers.md)\n"
    )
    assert stderr == (expected_line if is_closed else "")


@needs_root
def test_relocated_database_that_is_gone_is_refused(root_only_dir: Path) -> None:
    assert use_servers(root_only_dir, *WITHOUT_NAMESPACES) == "1"
    shutil.rmtree((root_only_dir / "pg").readlink().parent)

    message = use_servers(root_only_dir, *WITHOUT_NAMESPACES)
    assert message.startswith("MONYNHA_DATA_DIR: the database was kept in")
