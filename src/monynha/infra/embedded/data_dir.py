"""The data folder: where its parts are, and how its directories are created."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from monynha.core.errors import SettingsError
from monynha.infra.embedded.process_user import ProcessUser

_MAX_SOCKET_PATH_BYTES = 107  # sun_path has 108 bytes, the last of them NUL (unix(7))
_SOCKET_NAME = ".s.PGSQL.5432"
_SHORT_SOCKET_ROOT = Path("/tmp")
_RELOCATED_ROOT = Path("/var/lib/monynha")


@dataclass(frozen=True)
class DataLayout:
    """The paths of everything that the embedded servers keep on disk."""

    data_dir: Path
    postgres_home: Path  # the data folder, or another one if `nobody` cannot reach that

    @property
    def is_relocated(self) -> bool:
        """Whether the database is outside the data folder."""
        return self.postgres_home != self.data_dir

    @property
    def cluster(self) -> Path:
        """The PostgreSQL cluster."""
        return self.postgres_home / "pg"

    @property
    def valkey(self) -> Path:
        """The data files of Valkey."""
        return self.data_dir / "valkey"

    @property
    def logs(self) -> Path:
        """The log files of the servers."""
        return self.data_dir / "log"

    @property
    def sockets(self) -> Path:
        """The folder of the servers' sockets: below the data folder, or in /tmp when that path is too long."""
        default_dir = self.postgres_home / "run"
        if len(os.fsencode(default_dir / _SOCKET_NAME)) <= _MAX_SOCKET_PATH_BYTES:
            return default_dir
        return _SHORT_SOCKET_ROOT / f"monynha-{os.geteuid()}-{_path_digest(self.data_dir)}"


def resolve_layout(data_dir: Path, process_user: ProcessUser) -> DataLayout:
    """Return the paths for servers that run as `process_user`; nothing is created."""
    if process_user is ProcessUser.NOBODY and not process_user.can_reach(data_dir):
        return DataLayout(data_dir, _RELOCATED_ROOT / _path_digest(data_dir))
    return DataLayout(data_dir, data_dir)


def describe_relocation(layout: DataLayout, process_user: ProcessUser) -> str:
    """Return the line that tells the operator where a database outside the data folder is, and why."""
    closed_folder = process_user.closed_folder(layout.data_dir)
    return (
        f"MONYNHA_DATA_DIR: the database is in {layout.cluster} and {layout.data_dir / 'pg'} is a link to it, since "
        f"the user nobody, who runs PostgreSQL here, may not enter {closed_folder}; "
        "keep both (docs/guide/containers.md)"
    )


def create_directories(layout: DataLayout, process_user: ProcessUser) -> None:
    """Create the folders of the servers, which no other user may read."""
    traversable_mode = 0o711 if process_user is ProcessUser.NOBODY else 0o700
    for folder in {layout.data_dir, layout.postgres_home}:
        ensure_directory(folder, traversable_mode)
    for folder in (layout.valkey, layout.logs):
        ensure_directory(folder)
    ensure_directory(layout.sockets)
    # It may be in /tmp, where everybody writes. An earlier start may have given it to `nobody`.
    trusted_owners = {os.geteuid(), *((ProcessUser.NOBODY.uid,) if os.geteuid() == 0 else ())}
    if layout.sockets.lstat().st_uid not in trusted_owners:
        raise SettingsError(f"MONYNHA_DATA_DIR: {layout.sockets} belongs to another user")
    process_user.chown(layout.sockets)
    if layout.is_relocated:
        layout.postgres_home.parent.chmod(0o711)


def refuse_lost_cluster(layout: DataLayout) -> None:
    """Raise SettingsError if the database exists but is out of reach: an empty one would be created instead."""
    expected_path = layout.data_dir / "pg"
    if expected_path.is_symlink() and not expected_path.exists():
        raise SettingsError(f"MONYNHA_DATA_DIR: the database was kept in {expected_path.readlink()}, which is gone")
    if layout.is_relocated and expected_path.exists() and not expected_path.is_symlink():
        raise SettingsError(
            f"MONYNHA_DATA_DIR: the user nobody, who must run PostgreSQL here, cannot reach {expected_path}; "
            f"move the folder, for example to {_RELOCATED_ROOT}"
        )


def link_cluster(layout: DataLayout) -> None:
    """Leave a link in the data folder to a database outside it."""
    link_path = layout.data_dir / "pg"
    if layout.is_relocated and not link_path.is_symlink():
        link_path.symlink_to(layout.cluster)


def ensure_directory(folder: Path, mode: int = 0o700) -> None:
    """Create a folder, or make an existing one traversable as `mode` demands; raise SettingsError if impossible."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=mode)
        status = folder.stat()
        if status.st_mode & mode & 0o111 != mode & 0o111:
            folder.chmod(status.st_mode | mode & 0o111)
    except FileExistsError:
        raise SettingsError(f"MONYNHA_DATA_DIR: {folder} is a file, not a folder") from None
    except OSError as error:
        raise SettingsError(f"MONYNHA_DATA_DIR: {folder} cannot be created: {error.strerror}") from error


def _path_digest(data_dir: Path) -> str:
    return hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
