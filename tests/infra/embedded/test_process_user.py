"""The user that the servers run as: root in a namespace, root without one, and any other user."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import monynha
from tests.infra.embedded.probes import SITE_PACKAGES, WITHOUT_NAMESPACES, owner_uid, use_servers
from tests.machine import NOBODY_UID, needs_namespaces, needs_root

pytestmark = needs_root


@needs_namespaces
def test_root_runs_them_in_a_namespace_and_keeps_all_files(root_only_dir: Path) -> None:
    assert use_servers(root_only_dir) == "1"
    assert use_servers(root_only_dir) == "2"
    assert owner_uid(root_only_dir / "pg" / "base") == 0
    assert root_only_dir.stat().st_mode & 0o777 == 0o700


def test_nobody_runs_them_where_namespaces_are_forbidden(traversable_dir: Path) -> None:
    assert use_servers(traversable_dir / "data", *WITHOUT_NAMESPACES) == "1"
    assert use_servers(traversable_dir / "data", *WITHOUT_NAMESPACES) == "2"
    assert owner_uid(traversable_dir / "data" / "pg" / "base") == NOBODY_UID


@needs_namespaces
def test_database_survives_a_change_of_whether_namespaces_are_allowed(
    traversable_dir: Path, root_only_dir: Path
) -> None:
    assert use_servers(traversable_dir / "data") == "1"
    assert use_servers(traversable_dir / "data", *WITHOUT_NAMESPACES) == "2"
    assert use_servers(traversable_dir / "data") == "3"
    assert use_servers(root_only_dir, *WITHOUT_NAMESPACES) == "1"
    assert use_servers(root_only_dir) == "2"
    assert use_servers(root_only_dir, *WITHOUT_NAMESPACES) == "3"


def test_any_other_user_runs_them(traversable_dir: Path) -> None:
    python = python_for_all_users()
    shutil.copytree(SITE_PACKAGES, traversable_dir / "site", copy_function=link_or_copy)
    shutil.copytree(Path(monynha.__file__).parent, traversable_dir / "site" / "monynha", dirs_exist_ok=True)
    data_dir = traversable_dir / "data"
    data_dir.mkdir()
    os.chown(data_dir, NOBODY_UID, NOBODY_UID)
    site = str(traversable_dir / "site")

    assert use_servers(data_dir, python=python, user=NOBODY_UID, PYTHONPATH=site) == "1"
    assert use_servers(data_dir, python=python, user=NOBODY_UID, PYTHONPATH=site) == "2"
    assert owner_uid(data_dir / "pg" / "base") == NOBODY_UID


def test_database_of_another_user_is_refused(traversable_dir: Path) -> None:
    data_dir = traversable_dir / "data"
    python = python_for_all_users()

    assert use_servers(data_dir) == "1"
    data_dir.chmod(0o777)
    path = f"{SITE_PACKAGES}:{Path(monynha.__file__).parents[1]}"
    message = use_servers(data_dir, python=python, user=NOBODY_UID, PYTHONPATH=path)
    assert message.startswith("MONYNHA_DATA_DIR: ")


def python_for_all_users() -> str:
    """Return a Python of this version that `nobody` may run, or skip the test."""
    name = f"python3.{sys.version_info.minor}"
    for python in (sys.executable, shutil.which(name, path="/usr/bin:/usr/local/bin")):
        try:
            if python and subprocess.run([python, "-c", ""], user=NOBODY_UID, cwd="/").returncode == 0:
                return python
        except PermissionError:
            pass
    pytest.skip(f"no {name} here that another user may run")


def link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk
        shutil.copy2(source, target)
