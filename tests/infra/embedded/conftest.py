"""Settings of embedded servers, each in a folder of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from monynha.core.settings.settings import Settings
from tests.infra.embedded.probes import EXTERNAL_VALKEY, settings_for

_INSTALLED = sorted(str(path.parent) for path in Path("/usr/lib/postgresql").glob("*/bin/initdb"))


@pytest.fixture(params=["wheel", *_INSTALLED])
def any_postgres(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of an embedded PostgreSQL, of each version on this machine in turn."""
    environment = {} if request.param == "wheel" else {"MONYNHA_POSTGRES_BIN": request.param}
    return settings_for(tmp_path / "data", REDIS_URL=EXTERNAL_VALKEY, **environment)


@pytest.fixture
def postgres_only(tmp_path: Path) -> Settings:
    """Settings of an embedded PostgreSQL beside an external Valkey that is never used."""
    return settings_for(tmp_path / "data", REDIS_URL=EXTERNAL_VALKEY)


@pytest.fixture
def traversable_dir() -> Iterator[Path]:
    """A folder that every user may traverse; pytest's own folders are for their owner only."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.fixture
def root_only_dir(tmp_path: Path) -> Iterator[Path]:
    """A data folder below one that only root may enter; a database relocated from it is removed afterwards."""
    (tmp_path / "root").mkdir(mode=0o700)
    data_dir = tmp_path / "root" / "data"
    yield data_dir
    if (data_dir / "pg").is_symlink():
        shutil.rmtree((data_dir / "pg").readlink().parent, ignore_errors=True)
