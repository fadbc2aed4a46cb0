"""A PostgreSQL cluster on disk: made whole or not at all, and refused when it is another version's."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

from monynha.core.errors import WrongSetting
from monynha.infra.embedded.complaints import explain
from monynha.infra.embedded.identity import Identity
from monynha.infra.embedded.leftovers import clear_leftovers

_BUILTIN_LOCALES_SINCE = 17


async def ensure_cluster(cluster: Path, bin_dir: Path, major: int, identity: Identity, password: str) -> None:
    """Make the cluster where there is none, and check the one that is there."""
    if cluster.exists():
        _check(cluster, major, identity)
        identity.own(cluster)
        return
    # A folder that initdb did not finish looks ready and is not: so it gets its name when it is.
    draft = cluster.with_name("pg.tmp")
    if draft.exists():
        await clear_leftovers(draft, "postgres")
        await asyncio.to_thread(shutil.rmtree, draft)
    draft.mkdir(mode=0o700)
    identity.own(draft)
    await _make(draft, bin_dir, major, identity, password)
    draft.rename(cluster)
    _sync_folder(cluster.parent)


def _check(cluster: Path, major: int, identity: Identity) -> None:
    try:
        found = (cluster / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise WrongSetting(f"MONYNHA_DATA_DIR: {cluster} is no PostgreSQL data folder") from None
    except PermissionError:
        raise WrongSetting(f"MONYNHA_DATA_DIR: {cluster} belongs to another user") from None
    if found != str(major):
        raise WrongSetting(f"MONYNHA_DATA_DIR: {cluster} is of PostgreSQL {found}, this program has {major}")
    if identity is Identity.OURS and cluster.stat().st_uid != os.geteuid():
        raise WrongSetting(f"MONYNHA_DATA_DIR: {cluster} belongs to another user")


async def _make(draft: Path, bin_dir: Path, major: int, identity: Identity, password: str) -> None:
    password_path = draft.with_name("pg.password")
    password_path.unlink(missing_ok=True)
    with os.fdopen(os.open(password_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(password)
    identity.own(password_path)
    options = ["--username=postgres", f"--pwfile={password_path}", "--auth=scram-sha-256", "--encoding=UTF8"]
    options += ["--text-search-config=english", "--data-checksums", "--no-instructions", "--no-sync"]
    if major >= _BUILTIN_LOCALES_SINCE:
        options += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    else:
        options += ["--locale=C.UTF-8"]
    try:
        await _run(identity, bin_dir / "initdb", "-D", draft, *options)
        # All files in one go, when the last is written, instead of each for itself.
        await _run(identity, bin_dir / "initdb", "-D", draft, "--sync-only")
    finally:
        password_path.unlink(missing_ok=True)


async def _run(identity: Identity, *argv: str | Path) -> None:
    tool = await identity.run(signal.SIGKILL, *argv, output=DEVNULL, errors=PIPE)
    try:
        _, errors = await tool.communicate()
    except asyncio.CancelledError:
        tool.kill()
        await tool.wait()
        raise
    if tool.returncode == 0:
        return
    raise explain("PostgreSQL", errors.decode(errors="replace") or f"initdb ended with {tool.returncode}")


def _sync_folder(folder: Path) -> None:
    """Make the new name last over a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
