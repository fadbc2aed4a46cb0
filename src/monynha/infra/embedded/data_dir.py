"""The data folder and where its parts are."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from monynha.core.errors import SettingsError
from monynha.infra.embedded.process_user import ProcessUser

_MAX_SOCKET_PATH_BYTES = 107  # bytes; the kernel's field has 108 with the NUL
_SOCKET_NAME = ".s.PGSQL.5432"
_SHORT_SOCKET_ROOT = Path("/tmp")
_RELOCATED_ROOT = Path("/var/lib/monynha")


@dataclass(frozen=True)
class DataLayout:
    """Where the embedded servers keep their things."""

    data_dir: Path
    postgres_home: Path  # the data folder, or one that `nobody` can reach in its stead

    @property
    def is_relocated(self) -> bool:
        """Whether the database cannot be in the data folder."""
        return self.postgres_home != self.data_dir

    @property
    def cluster(self) -> Path:
        """The data of PostgreSQL."""
        return self.postgres_home / "pg"

    @property
    def valkey(self) -> Path:
        """The data of Valkey."""
        return self.data_dir / "valkey"

    @property
    def logs(self) -> Path:
        """What the servers say."""
        return self.data_dir / "log"

    @property
    def sockets(self) -> Path:
        """Where the servers listen: in the data folder, or in a short place when its path is too long."""
        default_dir = self.postgres_home / "run"
        if len(os.fsencode(default_dir / _SOCKET_NAME)) <= _MAX_SOCKET_PATH_BYTES:
            return default_dir
        return _SHORT_SOCKET_ROOT / f"monynha-{os.geteuid()}-{_path_digest(self.data_dir)}"


def resolve_layout(data_dir: Path, process_user: ProcessUser) -> DataLayout:
    """Where things are for servers of this identity; nothing is made yet."""
    if process_user is ProcessUser.NOBODY and not process_user.can_reach(data_dir):
        return DataLayout(data_dir, _RELOCATED_ROOT / _path_digest(data_dir))
    return DataLayout(data_dir, data_dir)


def create_directories(layout: DataLayout, process_user: ProcessUser) -> None:
    """Make the folders the servers need, for their eyes only."""
    traversable_mode = 0o711 if process_user is ProcessUser.NOBODY else 0o700
    for folder in {layout.data_dir, layout.postgres_home}:
        ensure_directory(folder, traversable_mode)
    for folder in (layout.valkey, layout.logs):
        ensure_directory(folder)
    ensure_directory(layout.sockets)
    # It may be in a place where everybody writes. Another start may have left it to `nobody`.
    trusted_owners = {os.geteuid(), *((ProcessUser.NOBODY.uid,) if os.geteuid() == 0 else ())}
    if layout.sockets.lstat().st_uid not in trusted_owners:
        raise SettingsError(f"MONYNHA_DATA_DIR: {layout.sockets} belongs to somebody else")
    process_user.chown(layout.sockets)
    if layout.is_relocated:
        layout.postgres_home.parent.chmod(0o711)


def refuse_lost_cluster(layout: DataLayout) -> None:
    """Refuse a start that would make an empty database beside the one there is."""
    expected_path = layout.data_dir / "pg"
    if expected_path.is_symlink() and not expected_path.exists():
        raise SettingsError(f"MONYNHA_DATA_DIR: the database was kept in {expected_path.readlink()}, which is gone")
    if layout.is_relocated and expected_path.exists() and not expected_path.is_symlink():
        raise SettingsError(
            f"MONYNHA_DATA_DIR: the user nobody, who must run PostgreSQL here, cannot reach {expected_path}; "
            f"move the folder, for example to {_RELOCATED_ROOT}"
        )


def link_cluster(layout: DataLayout) -> None:
    """Leave a link in the data folder to a database that had to be made elsewhere."""
    link_path = layout.data_dir / "pg"
    if layout.is_relocated and not link_path.is_symlink():
        link_path.symlink_to(layout.cluster)


def ensure_directory(folder: Path, mode: int = 0o700) -> None:
    """Make a folder of ours, or take it as it is when it was there before."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=mode)
        status = folder.stat()
        if status.st_mode & mode & 0o111 != mode & 0o111:
            folder.chmod(status.st_mode | mode & 0o111)
    except FileExistsError:
        raise SettingsError(f"MONYNHA_DATA_DIR: {folder} is a file, not a folder") from None
    except OSError as error:
        raise SettingsError(f"MONYNHA_DATA_DIR: {folder} cannot be made: {error.strerror}") from error


def _path_digest(data_dir: Path) -> str:
    return hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
