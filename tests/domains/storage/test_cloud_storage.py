"""Objects whose bodies are on S3: uploads, copies, removals and resumable uploads, as in a folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from monynha.core.settings.settings import Settings
from monynha.domains.storage.bodies import body_key, new_version
from monynha.domains.storage.composition import StorageServices
from monynha.domains.storage.errors import EntityTooLargeError
from monynha.domains.storage.uploads import UploadTarget
from monynha.infra.postgres.database import Database
from monynha.infra.storage import open_store
from tests.domains.storage.test_resumable import SERVICE, begin, chunks_of
from tests.domains.storage.test_uploads import ChunkedSource
from tests.infra.storage.s3_server import run_s3_server

pytestmark = pytest.mark.anyio

LARGE = bytes(range(256)) * 4096


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    """Run an S3 server; return the URL of a bucket."""
    with run_s3_server() as url:
        yield url


@pytest.fixture
async def cloud(s3_url: str, settings: Settings, database: Database) -> AsyncIterator[StorageServices]:
    """Return the services of storage with their bodies on S3."""
    services = StorageServices.build(settings, database, open_store(s3_url.format(prefix=uuid4().hex)))
    yield services
    await services.close()


async def keys(cloud: StorageServices) -> list[str]:
    """Return the keys of all bodies."""
    return [info.key async for info in cloud.store.list_objects("bodies/")]


async def test_body_streams_to_the_cloud_and_is_deleted_with_its_object(cloud: StorageServices, bucket: str) -> None:
    chunks = [LARGE[start : start + 100_000] for start in range(0, len(LARGE), 100_000)]
    result = await cloud.uploads.upload(SERVICE.actor, UploadTarget(bucket, "a"), ChunkedSource(*chunks))
    small = await cloud.uploads.upload(SERVICE.actor, UploadTarget(bucket, "b"), ChunkedSource(b"small"))
    bodies = [await cloud.store.read(body_key(version)) for version in (result.version, small.version)]

    await cloud.objects.remove(SERVICE.actor, bucket, ["a", "b"])
    await cloud.collector.collect()

    assert bodies == [LARGE, b"small"]
    assert await keys(cloud) == []


async def test_refused_body_leaves_nothing_in_the_cloud(cloud: StorageServices, bucket: str) -> None:

    uploads = replace(cloud.uploads, max_bytes=500_000)

    with pytest.raises(EntityTooLargeError):
        await uploads.upload(SERVICE.actor, UploadTarget(bucket, "a"), ChunkedSource(*[b"x" * 100_000] * 6))

    assert await keys(cloud) == []


async def test_resumable_upload_is_joined_in_the_cloud(cloud: StorageServices, bucket: str) -> None:
    upload = await begin(cloud, bucket, size=len(LARGE))
    await cloud.resumable.write(SERVICE, upload.id, 0, chunks_of(LARGE[:600_000]))
    await cloud.resumable.write(SERVICE, upload.id, 600_000, chunks_of(LARGE[600_000:]))

    assert await cloud.store.read(body_key(upload.version)) == LARGE
    assert await keys(cloud) == [body_key(upload.version)]


async def test_sweep_finds_what_a_killed_process_left_in_the_cloud(cloud: StorageServices, bucket: str) -> None:
    result = await cloud.uploads.upload(SERVICE.actor, UploadTarget(bucket, "a"), ChunkedSource(b"kept"))
    await cloud.store.put(body_key(new_version(cloud.clock())), b"without a row")
    await cloud.store.write_part(body_key(new_version(cloud.clock())), 0, b"without an upload")

    await cloud.sweep(cloud.clock() + timedelta(hours=26))

    assert await keys(cloud) == [body_key(result.version)]
