"""Bodies and their objects: none is lost, none is left behind, wherever a process dies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monynha.core.actor import system_actor
from monynha.domains.storage.bodies import body_key, new_version, renderings_folder
from monynha.domains.storage.composition import StorageServices
from monynha.infra.postgres.database import Database
from monynha.infra.storage import ObjectMissingError
from tests.domains.storage.clients import StorageClient
from tests.live_server import OwnerSql

pytestmark = pytest.mark.anyio


async def version_of(owner_sql: OwnerSql, path: str) -> str:
    """Return the version of the object `bucket/name`."""
    bucket, _, name = path.partition("/")
    statement = "select version from storage.objects where bucket_id = $1 and name = $2"
    return str((await owner_sql(statement, bucket, name))[0][0])


async def has_body(storage: StorageServices, version: str) -> bool:
    """Whether the object store has the body of a version."""
    try:
        await storage.store.head(body_key(version))
    except ObjectMissingError:
        return False
    return True


def test_versions_are_unique_and_begin_with_their_time() -> None:
    now = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)

    versions = [new_version(now), new_version(now), new_version(now + timedelta(hours=5))]

    assert len(set(versions)) == 3
    assert versions[0][:13] == versions[1][:13] < versions[2][:13]
    assert [version[14] for version in versions] == ["7"] * 3
    assert body_key(versions[0]) == f"bodies/{versions[0][:6]}/{versions[0]}"


async def test_replaced_and_removed_bodies_are_deleted(
    bucket: str, service: StorageClient, storage: StorageServices, owner_sql: OwnerSql
) -> None:
    await service.put_object(f"{bucket}/a.txt", b"first")
    first = await version_of(owner_sql, f"{bucket}/a.txt")
    await service.put_object(f"{bucket}/a.txt", b"second", method="PUT")
    second = await version_of(owner_sql, f"{bucket}/a.txt")
    await storage.store.put(f"{renderings_folder(second)}100", b"a rendering")

    await storage.collector.collect()
    after_replacement = [await has_body(storage, first), await has_body(storage, second)]
    await service.request("DELETE", f"/object/{bucket}", json={"prefixes": ["a.txt"]})
    await storage.collector.close()

    assert after_replacement == [False, True]
    assert await has_body(storage, second) is False
    assert [info async for info in storage.store.list_objects(renderings_folder(second))] == []
    assert await owner_sql("select from storage.discarded_bodies where version = any ($1)", [first, second]) == []


async def test_copy_has_a_body_of_its_own(bucket: str, service: StorageClient, storage: StorageServices) -> None:
    await service.put_object(f"{bucket}/a.txt", b"body")
    await service.post("/object/copy", {"bucketId": bucket, "sourceKey": "a.txt", "destinationKey": "b.txt"})

    await service.request("DELETE", f"/object/{bucket}/a.txt")
    await storage.collector.collect()

    assert (await service.download(f"{bucket}/b.txt")).content == b"body"


async def test_sweep_deletes_old_bodies_without_an_object(
    bucket: str, service: StorageClient, storage: StorageServices, owner_sql: OwnerSql
) -> None:
    await service.put_object(f"{bucket}/a.txt")
    used, unused = await version_of(owner_sql, f"{bucket}/a.txt"), new_version(storage.clock())
    await storage.store.put(body_key(unused), b"its process was killed")
    await storage.store.write_part(body_key(new_version(storage.clock())), 0, b"a part")

    too_early = await storage.sweep(storage.clock() + timedelta(hours=24))
    kept = await has_body(storage, unused)
    await storage.sweep(storage.clock() + timedelta(hours=26))

    assert (too_early, kept) == (0, True)
    assert [await has_body(storage, used), await has_body(storage, unused)] == [True, False]
    assert [info.key async for info in storage.store.list_objects("bodies/") if ".parts" in info.key] == []


async def test_sweep_deletes_what_a_killed_process_had_discarded(database: Database, storage: StorageServices) -> None:
    version = new_version(storage.clock())
    await storage.store.put(body_key(version), b"x")
    async with database.as_actor(system_actor("storage")).transaction() as transaction:
        await transaction.execute("insert into storage.discarded_bodies (version) values ($1)", version)

    await storage.sweep(storage.clock())

    assert await has_body(storage, version) is False


async def test_body_of_a_refused_upload_is_deleted(
    bucket: str, service: StorageClient, storage: StorageServices
) -> None:
    before = [info.key async for info in storage.store.list_objects("bodies/")]
    await service.put_object(f"{bucket}/a.txt")
    after_first = [info.key async for info in storage.store.list_objects("bodies/")]

    response = await service.upload(f"{bucket}/a.txt")

    assert response.json()["code"] == "KeyAlreadyExists"
    assert [info.key async for info in storage.store.list_objects("bodies/")] == after_first
    assert len(after_first) == len(before) + 1


async def test_only_the_named_service_reads_what_is_discarded(database: Database) -> None:
    async with database.as_actor(system_actor("another")).transaction() as transaction:
        await transaction.execute("select version from storage.discarded_bodies")
        rows = await transaction.fetch_rows("select id from storage.objects")

    assert rows == []
