"""Fixtures for object stores: one in a folder, and one in a bucket of an S3 server (moto)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from monynha.infra.storage import ObjectStore, open_store


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """Run an S3 server; return the URL of a bucket."""
    import logging

    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    httpx.put(f"{endpoint}/files").raise_for_status()
    yield f"s3://key:secret@files/{{prefix}}?region=us-east-1&endpoint={endpoint}"
    server.stop()


@pytest.fixture(params=["file", "s3"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectStore]:
    """Return an empty store of each kind."""
    if request.param == "file":
        opened = open_store((tmp_path / "objects").as_uri())
    else:
        opened = open_store(request.getfixturevalue("s3_url").format(prefix=uuid4().hex))
    yield opened
    await opened.close()
