"""Settings of embedded servers in a folder of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from monynha.core.settings.settings import Settings
from tests.infra.embedded.probes import EXTERNAL_VALKEY, settings_for

_INSTALLED = sorted(str(path.parent) for path in Path("/usr/lib/postgresql").glob("*/bin/initdb"))


@pytest.fixture(params=["the wheel's", *_INSTALLED])
def any_postgres(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of an embedded PostgreSQL of each version there is on this machine, in turn."""
    environment = {} if request.param == "the wheel's" else {"MONYNHA_POSTGRES_BIN": request.param}
    return settings_for(tmp_path / "data", REDIS_URL=EXTERNAL_VALKEY, **environment)


@pytest.fixture
def postgres_only(tmp_path: Path) -> Settings:
    """Settings of an embedded PostgreSQL beside a Valkey that nobody asks."""
    return settings_for(tmp_path / "data", REDIS_URL=EXTERNAL_VALKEY)
