"""Creates a PostgreSQL cluster on disk, complete or not at all, and refuses one of another version."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

from monynha.core.errors import SettingsError
from monynha.infra.embedded.process_user import ProcessUser
from monynha.infra.embedded.stale_processes import stop_stale_processes
from monynha.infra.embedded.startup_errors import startup_error

_BUILTIN_LOCALE_SINCE_MAJOR = 17


async def ensure_cluster(cluster: Path, bin_dir: Path, major: int, process_user: ProcessUser, password: str) -> None:
    """Create the cluster if there is none; otherwise check its version and owner.

    Raises SettingsError if it cannot be created or used.
    """
    if cluster.exists():
        _check_cluster(cluster, major, process_user)
        process_user.chown(cluster)
        return
    # What an unfinished initdb leaves looks like a cluster, so the folder gets its name when initdb is done.
    draft = cluster.with_name("pg.tmp")
    if draft.exists():
        await stop_stale_processes(draft, "postgres")
        await asyncio.to_thread(shutil.rmtree, draft)
    draft.mkdir(mode=0o700)
    process_user.chown(draft)
    await _init_cluster(draft, bin_dir, major, process_user, password)
    draft.rename(cluster)
    _fsync_directory(cluster.parent)


def _check_cluster(cluster: Path, major: int, process_user: ProcessUser) -> None:
    try:
        cluster_version = (cluster / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise SettingsError(f"MONYNHA_DATA_DIR: {cluster} is not a PostgreSQL data folder") from None
    except PermissionError:
        raise SettingsError(f"MONYNHA_DATA_DIR: {cluster} belongs to another user") from None
    if cluster_version != str(major):
        raise SettingsError(f"MONYNHA_DATA_DIR: {cluster} is of PostgreSQL {cluster_version}, this program has {major}")
    if process_user is ProcessUser.CURRENT and cluster.stat().st_uid != os.geteuid():
        raise SettingsError(f"MONYNHA_DATA_DIR: {cluster} belongs to another user")


async def _init_cluster(draft: Path, bin_dir: Path, major: int, process_user: ProcessUser, password: str) -> None:
    password_path = draft.with_name("pg.password")
    password_path.unlink(missing_ok=True)
    with os.fdopen(os.open(password_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as password_file:
        password_file.write(password)
    process_user.chown(password_path)
    options = ["--username=postgres", f"--pwfile={password_path}", "--auth=scram-sha-256", "--encoding=UTF8"]
    options += ["--text-search-config=english", "--data-checksums", "--no-instructions", "--no-sync"]
    if major >= _BUILTIN_LOCALE_SINCE_MAJOR:
        options += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    else:
        options += ["--locale=C.UTF-8"]
    try:
        await _run_initdb(process_user, bin_dir / "initdb", "-D", draft, *options)
        # One sync of all files at the end, instead of one for each file (--no-sync).
        await _run_initdb(process_user, bin_dir / "initdb", "-D", draft, "--sync-only")
    finally:
        password_path.unlink(missing_ok=True)


async def _run_initdb(process_user: ProcessUser, *argv: str | Path) -> None:
    process = await process_user.spawn(signal.SIGKILL, *argv, output=DEVNULL, errors=PIPE)
    try:
        _, errors = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode == 0:
        return
    raise startup_error("PostgreSQL", errors.decode(errors="replace") or f"initdb ended with {process.returncode}")


def _fsync_directory(folder: Path) -> None:
    """Make a rename in this folder survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
