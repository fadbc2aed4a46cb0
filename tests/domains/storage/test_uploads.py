"""Uploads: limits of the bucket and the program, rights before and after the body, races."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from monynha.domains.storage.composition import StorageServices
from monynha.domains.storage.errors import EntityTooLargeError
from monynha.domains.storage.uploads import SMALL_BODY_BYTES, UploadTarget
from tests.domains.storage.clients import StorageClient, wire_error
from tests.domains.storage.test_resumable import SERVICE
from tests.live_server import OwnerSql

pytestmark = pytest.mark.anyio

LARGE = bytes(range(256)) * 4096


class ChunkedSource:
    """A body of unknown size."""

    declared_size = None
    is_size_exact = True
    content_type = "text/plain"
    cache_control = None
    user_metadata = None

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = chunks
        self.taken = 0

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Yield the chunks, and count them."""
        for chunk in self._chunks:
            self.taken += 1
            yield chunk


@pytest.mark.parametrize("size", [0, 1, SMALL_BODY_BYTES, SMALL_BODY_BYTES + 1, len(LARGE)])
async def test_body_of_any_size_is_stored_as_it_was_sent(bucket: str, service: StorageClient, size: int) -> None:
    async def chunks() -> AsyncGenerator[bytes]:
        for start in range(0, size, 65_536):
            yield LARGE[start : min(size, start + 65_536)]

    await service.put_object(f"{bucket}/declared", LARGE[:size])
    await service.put_object(f"{bucket}/chunked", chunks())

    bodies = [(await service.download(f"{bucket}/{name}")).content for name in ("declared", "chunked")]
    assert bodies == [LARGE[:size]] * 2


async def test_bucket_limits_sizes_however_they_are_declared(service: StorageClient) -> None:
    bucket = await service.create_bucket(file_size_limit="300kb")

    async def endless() -> AsyncGenerator[bytes]:
        while True:
            yield b"x" * 65_536

    outcomes = [
        wire_error(await service.upload(f"{bucket}/a", b"x" * 300_001)),
        wire_error(await service.upload(f"{bucket}/b", endless())),
        wire_error(await service.request("POST", f"/object/{bucket}/c", files={"file": ("c", b"x" * 300_001)})),
        (await service.upload(f"{bucket}/d", b"x" * 300_000)).status_code,
    ]

    assert outcomes == [(400, "413", "EntityTooLarge")] * 3 + [200]


async def test_program_limits_sizes(bucket: str, storage: StorageServices) -> None:
    uploads = replace(storage.uploads, max_bytes=1_000_000)

    with pytest.raises(EntityTooLargeError):
        await uploads.upload(SERVICE.actor, UploadTarget(bucket, "a"), ChunkedSource(*[b"x" * 100_000] * 11))
    result = await uploads.upload(SERVICE.actor, UploadTarget(bucket, "b"), ChunkedSource(*[b"x" * 100_000] * 10))

    assert result.object_id


async def test_bucket_limits_media_types(service: StorageClient) -> None:
    bucket = await service.create_bucket(allowed_mime_types=["image/*", "text/plain"])

    types = ["image/png", "text/plain; charset=utf-8", "TEXT/PLAIN", "text/html", "imagex/png"]
    responses = [await service.upload(f"{bucket}/{i}", headers={"content-type": type}) for i, type in enumerate(types)]

    assert [response.status_code for response in responses] == [200, 200, 200, 400, 400]
    assert wire_error(responses[3]) == (400, "415", "InvalidMimeType")
    assert responses[3].json()["message"] == "mime type text/html is not supported"


async def test_large_body_that_is_not_allowed_is_not_read(bucket: str, storage: StorageServices) -> None:
    from monynha.core.actor import ANONYMOUS
    from monynha.domains.storage.errors import AccessDeniedError

    source = ChunkedSource(*[b"x" * 100_000] * 100)

    with pytest.raises(AccessDeniedError):
        await storage.uploads.upload(ANONYMOUS, UploadTarget(bucket, "a"), source)

    assert source.taken * 100_000 <= SMALL_BODY_BYTES + 100_000


async def test_racing_uploads_of_a_new_name_have_one_winner(
    bucket: str, service: StorageClient, storage: StorageServices
) -> None:
    bodies = [f"body {number}".encode() for number in range(8)]

    responses = await asyncio.gather(*[service.upload(f"{bucket}/a", body) for body in bodies])

    assert sorted(response.status_code for response in responses) == [200, *[400] * 7]
    winner = next(body for body, response in zip(bodies, responses, strict=True) if response.status_code == 200)
    assert (await service.download(f"{bucket}/a")).content == winner


async def test_racing_replacements_leave_one_body(
    bucket: str, service: StorageClient, storage: StorageServices, owner_sql: OwnerSql
) -> None:
    bodies = [f"body {number}".encode() for number in range(8)]

    responses = await asyncio.gather(*[service.upload(f"{bucket}/a", body, method="PUT") for body in bodies])
    await storage.collector.close()
    await storage.collector.collect()

    assert [response.status_code for response in responses] == [200] * 8
    assert len({response.json()["Id"] for response in responses}) == 1
    assert (await service.download(f"{bucket}/a")).content in bodies
    assert await owner_sql("select from storage.discarded_bodies") == []
