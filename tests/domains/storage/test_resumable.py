"""Resumable uploads: one writer at a time, resumed after any interruption, one object at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from monynha.core.actor import Actor, ActorKind
from monynha.core.errors import BadRequestError, UnauthenticatedError
from monynha.domains.storage.bodies import body_key
from monynha.domains.storage.composition import StorageServices
from monynha.domains.storage.errors import (
    EntityTooLargeError,
    ObjectExistsAlreadyError,
    UploadConflictError,
    UploadExpiredError,
    UploadLockedError,
    UploadNotFoundError,
)
from monynha.domains.storage.resumable import ResumableUpload, UploadDeclaration, UploadIdentity
from monynha.domains.storage.uploads import UploadTarget
from tests.conditions import TIMEOUT_S
from tests.domains.storage.clients import StorageClient
from tests.live_server import OwnerSql
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

SERVICE = UploadIdentity(Actor(ActorKind.SERVICE, claims='{"role":"service_role"}'))


async def chunks_of(*chunks: bytes) -> AsyncGenerator[bytes]:
    """Yield chunks."""
    for chunk in chunks:
        yield chunk


async def begin(
    storage: StorageServices, bucket: str, *, size: int | None = 10, is_upsert: bool = False, name: str = "a.txt"
) -> ResumableUpload:
    """Begin an upload with the service key."""
    target = UploadTarget(bucket, name, is_upsert=is_upsert)
    declaration = UploadDeclaration(target, "text/plain", "max-age=60", {"a": 1}, "bucketName YQ==", size)
    return await storage.resumable.begin(SERVICE, declaration)


async def test_upload_is_resumed_where_its_client_left(
    storage: StorageServices, bucket: str, service: StorageClient
) -> None:
    upload = await begin(storage, bucket)

    async def interrupted() -> AsyncGenerator[bytes]:
        yield b"01234"
        raise BadRequestError("The client has left.")

    with pytest.raises(BadRequestError):
        await storage.resumable.write(SERVICE, upload.id, 0, interrupted())
    resumed = await storage.resumable.find(SERVICE, upload.id)
    finished = await storage.resumable.write(SERVICE, upload.id, 5, chunks_of(b"567", b"89"))

    assert (resumed.received_bytes, finished.received_bytes) == (5, 10)
    assert (await service.download(f"{bucket}/a.txt")).content == b"0123456789"
    information = (await service.get(f"/object/info/{bucket}/a.txt")).json()
    assert (information["cache_control"], information["metadata"]) == ("max-age=60", {"a": 1})


async def test_wrong_offset_is_a_conflict(storage: StorageServices, bucket: str) -> None:
    upload = await begin(storage, bucket)
    await storage.resumable.write(SERVICE, upload.id, 0, chunks_of(b"01234"))

    for offset in (0, 4, 6, 10):
        with pytest.raises(UploadConflictError):
            await storage.resumable.write(SERVICE, upload.id, offset, chunks_of(b"56789"))

    assert (await storage.resumable.find(SERVICE, upload.id)).received_bytes == 5


async def test_second_writer_is_refused_while_the_first_writes(storage: StorageServices, bucket: str) -> None:
    upload = await begin(storage, bucket)
    refusals: list[str] = []

    async def body() -> AsyncGenerator[bytes]:
        yield b"01234"
        for attempt in (
            storage.resumable.write(SERVICE, upload.id, 0, chunks_of(b"x" * 10)),
            storage.resumable.end(SERVICE, upload.id),
        ):
            try:
                await attempt
            except UploadLockedError as error:
                refusals.append(error.code)
        yield b"56789"

    await storage.resumable.write(SERVICE, upload.id, 0, body())

    assert refusals == ["ResourceLocked"] * 2


async def test_lease_of_a_killed_writer_ends(storage: StorageServices, bucket: str, owner_sql: OwnerSql) -> None:
    upload = await begin(storage, bucket)
    lock = "update storage.resumable_uploads set writer = $2, locked_until = now() + $3::text::interval where id = $1"
    await owner_sql(lock, upload.id, uuid4(), "10 s")

    with pytest.raises(UploadLockedError):
        await storage.resumable.write(SERVICE, upload.id, 0, chunks_of(b"0123456789"))
    await owner_sql(lock, upload.id, uuid4(), "-1 s")

    assert (await storage.resumable.write(SERVICE, upload.id, 0, chunks_of(b"0123456789"))).is_complete


async def test_upload_whose_process_died_at_the_end_is_completed_by_who_asks_for_it(
    storage: StorageServices, bucket: str, service: StorageClient, owner_sql: OwnerSql
) -> None:
    for step in ("parts", "joined", "row"):
        upload = await begin(storage, bucket, name=f"{step}.txt")
        key = body_key(upload.version)
        await storage.store.write_part(key, 0, b"0123456789")
        await owner_sql("update storage.resumable_uploads set received_bytes = 10 where id = $1", upload.id)
        if step != "parts":
            await storage.store.join_parts(key, 10)
        if step == "row":
            await storage.resumable.find(SERVICE, upload.id)
            await owner_sql("update storage.resumable_uploads set completed_at = null where id = $1", upload.id)

        await storage.resumable.find(SERVICE, upload.id)

        assert (await service.download(f"{bucket}/{step}.txt")).content == b"0123456789"


async def test_part_that_was_not_counted_is_written_again(
    storage: StorageServices, bucket: str, service: StorageClient
) -> None:
    upload = await begin(storage, bucket)
    await storage.store.write_part(body_key(upload.version), 0, b"not counted, since its process was killed")

    await storage.resumable.write(SERVICE, upload.id, 0, chunks_of(b"0123456789"))

    assert (await service.download(f"{bucket}/a.txt")).content == b"0123456789"


async def test_body_is_not_longer_than_declared(storage: StorageServices, bucket: str) -> None:
    upload = await begin(storage, bucket, size=4)

    with pytest.raises(EntityTooLargeError):
        await storage.resumable.write(SERVICE, upload.id, 0, chunks_of(b"01", b"234"))

    assert (await storage.resumable.find(SERVICE, upload.id)).received_bytes == 0


async def test_size_may_be_declared_later(storage: StorageServices, bucket: str, service: StorageClient) -> None:
    upload = await begin(storage, bucket, size=None)

    first = await storage.resumable.write(SERVICE, upload.id, 0, chunks_of(b"01234"))
    second = await storage.resumable.write(SERVICE, upload.id, 5, chunks_of(b"567"), size=8)

    assert (first.is_complete, second.is_complete) == (False, True)
    assert (await service.download(f"{bucket}/a.txt")).content == b"01234567"


async def test_empty_upload_is_an_empty_object(storage: StorageServices, bucket: str, service: StorageClient) -> None:
    upload = await begin(storage, bucket, size=0)

    await storage.resumable.find(SERVICE, upload.id)
    await storage.resumable.find(SERVICE, upload.id)

    assert (await service.download(f"{bucket}/a.txt")).content == b""


async def test_racing_uploads_of_a_name_have_one_winner(
    storage: StorageServices, bucket: str, service: StorageClient
) -> None:
    first, second = await begin(storage, bucket), await begin(storage, bucket)
    await storage.resumable.write(SERVICE, first.id, 0, chunks_of(b"the first!"))

    with pytest.raises(ObjectExistsAlreadyError):
        await storage.resumable.write(SERVICE, second.id, 0, chunks_of(b"the second"))

    assert (await service.download(f"{bucket}/a.txt")).content == b"the first!"


async def test_upload_belongs_to_who_began_it(storage: StorageServices, bucket: str, user: ApiUser) -> None:
    upload = await begin(storage, bucket)
    stranger = UploadIdentity(user.actor)
    with_token = UploadIdentity(SERVICE.actor, "a digest")

    for identity in (stranger, with_token):
        with pytest.raises(UploadNotFoundError):
            await storage.resumable.find(identity, upload.id)
        with pytest.raises(UploadNotFoundError):
            await storage.resumable.write(identity, upload.id, 0, chunks_of(b"x"))
        with pytest.raises(UploadNotFoundError):
            await storage.resumable.end(identity, upload.id)


async def test_upload_ends_with_the_session_of_who_began_it(
    storage: StorageServices, bucket: str, user: ApiUser, users: UserFactory
) -> None:
    upload = await begin(storage, bucket)
    await users.end_session(user)

    for attempt in (
        storage.resumable.find(UploadIdentity(user.actor), upload.id),
        storage.resumable.write(UploadIdentity(user.actor), upload.id, 0, chunks_of(b"x")),
        storage.resumable.end(UploadIdentity(user.actor), upload.id),
    ):
        with pytest.raises(UnauthenticatedError):
            await attempt


async def test_expired_upload_is_deleted_with_its_parts(storage: StorageServices, bucket: str) -> None:
    upload = await begin(storage, bucket)
    await storage.resumable.write(SERVICE, upload.id, 0, chunks_of(b"01234"))
    later = storage.clock() + timedelta(hours=25)

    with pytest.raises(UploadExpiredError):
        await replace(storage.resumable, clock=lambda: later).find(SERVICE, upload.id)
    await storage.sweep(later)

    with pytest.raises(UploadNotFoundError):
        await storage.resumable.find(SERVICE, upload.id)
    assert [info.key async for info in storage.store.list_objects("bodies/") if upload.version in info.key] == []


async def test_ended_upload_is_gone(storage: StorageServices, bucket: str) -> None:
    upload = await begin(storage, bucket)
    await storage.resumable.write(SERVICE, upload.id, 0, chunks_of(b"01234"))

    await storage.resumable.end(SERVICE, upload.id)

    with pytest.raises(UploadNotFoundError):
        await storage.resumable.find(SERVICE, upload.id)
    assert [info.key async for info in storage.store.list_objects("bodies/") if upload.version in info.key] == []


async def test_slow_clients_do_not_fill_the_memory(storage: StorageServices, bucket: str, owner_sql: OwnerSql) -> None:
    released, sent = asyncio.Event(), 0

    async def slow() -> AsyncGenerator[bytes]:
        nonlocal sent
        for _ in range(31):  # stops before the first part of 4 MB is complete
            sent += 2**17
            yield bytes(2**17)
        await released.wait()

    async def received() -> int:
        statement = "select sum(received_bytes)::bigint from storage.resumable_uploads where bucket_id = $1"
        return int((await owner_sql(statement, bucket))[0][0])

    uploads = [await begin(storage, bucket, size=2**23, name=str(index)) for index in range(20)]
    tasks = [asyncio.create_task(storage.resumable.write(SERVICE, upload.id, 0, slow())) for upload in uploads]
    try:
        async with asyncio.timeout(TIMEOUT_S):
            while sent < 20 * 31 * 2**17 or sent - await received() > 65 * 2**20:
                await asyncio.sleep(0.02)
    finally:
        released.set()
        await asyncio.gather(*tasks)

    assert await received() == sent
