"""Fixtures for object stores: one in a folder, and one in a bucket of an S3 server (moto)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from monynha.infra.storage import ObjectStore, open_store
from tests.infra.storage.s3_server import run_s3_server


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """Run an S3 server; return the URL of a bucket."""
    with run_s3_server() as url:
        yield url


@pytest.fixture(params=["file", "s3"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectStore]:
    """Return an empty store of each kind."""
    if request.param == "file":
        opened = open_store((tmp_path / "objects").as_uri())
    else:
        opened = open_store(request.getfixturevalue("s3_url").format(prefix=uuid4().hex))
    yield opened
    await opened.close()
