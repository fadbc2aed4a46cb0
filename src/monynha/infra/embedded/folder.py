"""The data folder and where its parts are."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from monynha.core.errors import WrongSetting
from monynha.infra.embedded.identity import Identity

_LONGEST_SOCKET_PATH = 107  # bytes; the kernel's field has 108 with the NUL
_SOCKET_NAME = ".s.PGSQL.5432"
_SHORT = Path("/tmp")
_ELSEWHERE = Path("/var/lib/monynha")


@dataclass(frozen=True)
class Places:
    """Where the embedded servers keep their things."""

    data_dir: Path
    home: Path  # the data folder, or one that `nobody` can reach in its stead

    @property
    def is_elsewhere(self) -> bool:
        """Whether the database cannot be in the data folder."""
        return self.home != self.data_dir

    @property
    def cluster(self) -> Path:
        """The data of PostgreSQL."""
        return self.home / "pg"

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
        near = self.home / "run"
        if len(os.fsencode(near / _SOCKET_NAME)) <= _LONGEST_SOCKET_PATH:
            return near
        return _SHORT / f"monynha-{os.geteuid()}-{_digest(self.data_dir)}"


def find_places(data_dir: Path, identity: Identity) -> Places:
    """Where things are for servers of this identity; nothing is made yet."""
    if identity is Identity.NOBODY and not identity.can_reach(data_dir):
        return Places(data_dir, _ELSEWHERE / _digest(data_dir))
    return Places(data_dir, data_dir)


def make_places(places: Places, identity: Identity) -> None:
    """Make the folders the servers need, for their eyes only."""
    passable = 0o711 if identity is Identity.NOBODY else 0o700
    for folder in {places.data_dir, places.home}:
        prepare(folder, passable)
    for folder in (places.valkey, places.logs):
        prepare(folder)
    prepare(places.sockets)
    # It may be in a place where everybody writes. Another start may have left it to `nobody`.
    trusted = {os.geteuid(), *((Identity.NOBODY.uid,) if os.geteuid() == 0 else ())}
    if places.sockets.lstat().st_uid not in trusted:
        raise WrongSetting(f"MONYNHA_DATA_DIR: {places.sockets} belongs to somebody else")
    identity.own(places.sockets)
    if places.is_elsewhere:
        places.home.parent.chmod(0o711)


def find_lost(places: Places) -> None:
    """Refuse a start that would make an empty database beside the one there is."""
    near = places.data_dir / "pg"
    if near.is_symlink() and not near.exists():
        raise WrongSetting(f"MONYNHA_DATA_DIR: the database was kept in {near.readlink()}, which is gone")
    if places.is_elsewhere and near.exists() and not near.is_symlink():
        raise WrongSetting(
            f"MONYNHA_DATA_DIR: the user nobody, who must run PostgreSQL here, cannot reach {near}; "
            f"move the folder, for example to {_ELSEWHERE}"
        )


def link_cluster(places: Places) -> None:
    """Leave a link in the data folder to a database that had to be made elsewhere."""
    near = places.data_dir / "pg"
    if places.is_elsewhere and not near.is_symlink():
        near.symlink_to(places.cluster)


def prepare(folder: Path, mode: int = 0o700) -> None:
    """Make a folder of ours, or take it as it is when it was there before."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=mode)
        about = folder.stat()
        if about.st_mode & mode & 0o111 != mode & 0o111:
            folder.chmod(about.st_mode | mode & 0o111)
    except FileExistsError:
        raise WrongSetting(f"MONYNHA_DATA_DIR: {folder} is a file, not a folder") from None
    except OSError as cause:
        raise WrongSetting(f"MONYNHA_DATA_DIR: {folder} cannot be made: {cause.strerror}") from cause


def _digest(data_dir: Path) -> str:
    return hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
