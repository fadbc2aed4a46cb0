"""Hooks of later domains: in the transaction of the change, as the caller, and able to refuse it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from monynha.core.actor import Actor
from monynha.core.errors import ConflictError, UnsupportedMediaTypeError
from monynha.domains.storage.bodies import new_version
from monynha.domains.storage.composition import StorageServices
from monynha.domains.storage.errors import ObjectNotFoundError
from monynha.domains.storage.object_repository import ObjectRepository
from monynha.domains.storage.objects import NewObject, StoredObject
from monynha.domains.storage.uploads import UploadService, UploadTarget
from monynha.infra.embedded import ServerUrls
from monynha.infra.postgres.database import Database, Transaction
from tests.domains.storage.clients import StorageClient
from tests.domains.storage.test_resumable import SERVICE
from tests.domains.storage.test_uploads import ChunkedSource
from tests.live_server import OwnerSql
from tests.round_trip_counter import run_round_trip_counter

pytestmark = pytest.mark.anyio


@dataclass
class RecordingHook:
    """A hook that keeps what it is told, and refuses names with `refused`."""

    bucket_id: str
    calls: list[tuple[str, ...]] = field(default_factory=list)

    def content_type(self, declared: str, head: bytes) -> str:
        """Decide by the first bytes."""
        if head.startswith(b"MZ"):
            raise UnsupportedMediaTypeError("Programs are not accepted.")
        return "image/png" if head.startswith(b"\x89PNG") else declared

    def copied_metadata(self, metadata: Mapping[str, object]) -> Mapping[str, object]:
        """Copy all of it."""
        return metadata

    async def before_upload(self, transaction: Transaction, actor: Actor, upload: NewObject) -> None:
        """Refuse before the body."""
        self.calls.append(("before", upload.name))
        if "early" in upload.name:
            raise ConflictError("There is no room.")

    async def on_created(
        self, transaction: Transaction, actor: Actor, object: StoredObject, replaced: StoredObject | None
    ) -> None:
        """Refuse after the row."""
        self.calls.append(("created", object.name, "" if replaced is None else replaced.version))
        if "refused" in object.name:
            raise ConflictError("There is no room.")

    async def on_moved(
        self, transaction: Transaction, actor: Actor, object: StoredObject, previous: StoredObject
    ) -> None:
        """Keep both names."""
        self.calls.append(("moved", previous.name, object.name))

    async def on_removed(self, transaction: Transaction, actor: Actor, objects: Sequence[StoredObject]) -> None:
        """Keep the names."""
        self.calls.append(("removed", *sorted(stored.name for stored in objects)))


@dataclass(frozen=True)
class HookedBucket:
    """A bucket with a hook."""

    bucket: str
    hook: RecordingHook
    objects: ObjectRepository
    uploads: UploadService

    async def put(self, name: str, *chunks: bytes, is_upsert: bool = False) -> str:
        """Upload a body; return its version."""
        target = UploadTarget(self.bucket, name, is_upsert=is_upsert)
        return (await self.uploads.upload(SERVICE.actor, target, ChunkedSource(*chunks))).version


@pytest.fixture
def hooked(storage: StorageServices, bucket: str) -> HookedBucket:
    hook = RecordingHook(bucket)
    objects = replace(storage.objects, hooks=(hook,))
    return HookedBucket(bucket, hook, objects, replace(storage.uploads, objects=objects))


async def test_hook_hears_of_every_change(hooked: HookedBucket, service: StorageClient) -> None:
    other = await service.create_bucket()
    first = await hooked.put("a", b"1")
    await hooked.put("a", b"2", is_upsert=True)
    bucket, actor = hooked.bucket, SERVICE.actor

    await hooked.objects.move(actor, (bucket, "a"), (bucket, "b"))
    await hooked.objects.move(actor, (bucket, "b"), (other, "c"))
    await hooked.objects.move(actor, (other, "c"), (bucket, "d"))
    await hooked.objects.remove(actor, bucket, ["d", "missing"])
    await hooked.objects.remove(actor, bucket, ["missing"])

    assert hooked.hook.calls == [
        ("created", "a", ""),
        ("created", "a", first),
        ("moved", "a", "b"),
        ("removed", "b"),
        ("created", "d", ""),
        ("removed", "d"),
    ]


async def test_hook_that_refuses_leaves_no_object_and_no_body(
    hooked: HookedBucket, storage: StorageServices, owner_sql: OwnerSql
) -> None:
    before = {info.key async for info in storage.store.list_objects("bodies/")}

    for name, chunks in (("refused", [b"x"]), ("early", [b"x" * 300_000])):
        with pytest.raises(ConflictError):
            await hooked.put(name, *chunks)
    with pytest.raises(UnsupportedMediaTypeError):
        await hooked.put("program", b"MZ\x90")

    assert await owner_sql("select from storage.objects where bucket_id = $1", hooked.bucket) == []
    assert {info.key async for info in storage.store.list_objects("bodies/")} == before


async def test_hook_is_asked_before_a_large_body_and_decides_its_type(hooked: HookedBucket) -> None:
    await hooked.put("picture", b"\x89PNG" + b"x" * 300_000)

    lookup = await hooked.objects.find(SERVICE.actor, hooked.bucket, "picture")

    assert hooked.hook.calls == [("before", "picture"), ("created", "picture", "")]
    assert lookup.object is not None
    assert (lookup.object.content_type, lookup.object.size) == ("image/png", 300_004)


async def test_move_of_what_is_not_there_is_not_reported(hooked: HookedBucket) -> None:
    with pytest.raises(ObjectNotFoundError):
        await hooked.objects.move(SERVICE.actor, (hooked.bucket, "no"), (hooked.bucket, "b"))

    assert hooked.hook.calls == []


async def test_lookup_and_insert_are_single_round_trips(
    bucket: str, storage: StorageServices, running_servers: ServerUrls, tmp_path: Path
) -> None:
    def new_object(name: str) -> NewObject:
        return NewObject(bucket, name, new_version(storage.clock()), "text/plain", size=1)

    async with run_round_trip_counter(running_servers.database_url, tmp_path) as counter:
        database = await Database.open(counter.url)
        objects = ObjectRepository(database)
        # The first use of a statement on a connection prepares it.
        await objects.insert(SERVICE.actor, new_object("a"), is_upsert=False)
        await objects.find(SERVICE.actor, bucket, "a")
        async with counter.counting(1):
            await objects.find(SERVICE.actor, bucket, "a")
        async with counter.counting(1):
            await objects.insert(SERVICE.actor, new_object("b"), is_upsert=False)
        await database.close()
        # The proxy closes its own ends when it has seen both of ours closed.
        await asyncio.sleep(0.3)
