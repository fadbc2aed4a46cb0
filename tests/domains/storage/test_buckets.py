"""Buckets: emptied in batches, and what two at once do."""

from __future__ import annotations

import asyncio

import pytest

from monynha.core.errors import ForbiddenError
from monynha.domains.storage.buckets import OWN_BUCKETS, BucketChanges
from monynha.domains.storage.composition import StorageServices
from monynha.domains.storage.errors import BucketNotFoundError, StorageError
from tests.domains.storage.clients import StorageClient
from tests.domains.storage.test_resumable import SERVICE

pytestmark = pytest.mark.anyio


async def test_bucket_is_emptied_in_batches(
    storage: StorageServices, bucket: str, service: StorageClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monynha.domains.storage.buckets._EMPTY_BATCH", 2)
    for number in range(5):
        await service.put_object(f"{bucket}/{number}")

    await storage.buckets.empty(SERVICE.actor, bucket)

    assert (await service.post(f"/object/list/{bucket}", {})).json() == []


async def test_limits_are_cleared_by_name_and_kept_otherwise(storage: StorageServices, service: StorageClient) -> None:
    bucket = await service.create_bucket(file_size_limit=5, allowed_mime_types=["image/*"])

    await storage.buckets.update(SERVICE.actor, bucket, BucketChanges(public=True))
    kept = await storage.buckets.find(SERVICE.actor, bucket)
    cleared = frozenset({"file_size_limit", "allowed_mime_types"})
    await storage.buckets.update(SERVICE.actor, bucket, BucketChanges(cleared=cleared))
    after = await storage.buckets.find(SERVICE.actor, bucket)

    assert (kept["public"], kept["file_size_limit"], kept["allowed_mime_types"]) == (True, 5, ["image/*"])
    assert (after["public"], after["file_size_limit"], after["allowed_mime_types"]) == (True, None, None)


async def test_bucket_that_is_deleted_while_it_is_filled_keeps_neither_or_both(
    storage: StorageServices, service: StorageClient
) -> None:
    for _ in range(5):
        bucket = await service.create_bucket()
        uploaded, deleted = await asyncio.gather(
            service.upload(f"{bucket}/a"), service.request("DELETE", f"/bucket/{bucket}")
        )

        assert sorted((uploaded.status_code, deleted.status_code)) == [200, 400]


@pytest.mark.parametrize("bucket_id", sorted(OWN_BUCKETS))
async def test_bucket_of_the_program_is_neither_deleted_nor_public(storage: StorageServices, bucket_id: str) -> None:
    with pytest.raises(ForbiddenError):
        await storage.buckets.delete(SERVICE.actor, bucket_id)
    with pytest.raises(ForbiddenError):
        await storage.buckets.update(SERVICE.actor, bucket_id, BucketChanges(public=True))


async def test_bucket_that_does_not_exist_is_named(storage: StorageServices) -> None:
    for attempt in (
        storage.buckets.find(SERVICE.actor, "nowhere"),
        storage.buckets.update(SERVICE.actor, "nowhere", BucketChanges(public=True)),
        storage.buckets.delete(SERVICE.actor, "nowhere"),
        storage.buckets.empty(SERVICE.actor, "nowhere"),
    ):
        with pytest.raises(BucketNotFoundError):
            await attempt


async def test_bucket_is_created_once(storage: StorageServices, bucket: str) -> None:
    with pytest.raises(StorageError) as error:
        await storage.buckets.create(SERVICE.actor, "another-id", bucket)

    assert error.value.code == "BucketAlreadyExists"
