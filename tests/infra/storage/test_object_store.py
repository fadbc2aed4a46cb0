"""What every store does: whole objects by key, ranges, parts; in a folder and on S3 alike."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from monynha.infra.storage import ObjectExistsError, ObjectMissingError, ObjectStore

pytestmark = pytest.mark.anyio

LARGE = bytes(range(256)) * 40_000


async def chunks_of(body: bytes, size: int = 100_000) -> AsyncGenerator[bytes]:
    """Yield a body in chunks."""
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def keys(store: ObjectStore, prefix: str) -> list[str]:
    """Return the keys below a folder."""
    return sorted([info.key async for info in store.list_objects(prefix)])


async def test_object_is_read_as_it_was_written(store: ObjectStore) -> None:
    sizes = [await store.put("a/small", b"hello"), await store.put("a/large", chunks_of(LARGE))]

    assert sizes == [5, len(LARGE)]
    assert (await store.read("a/small"), await store.read("a/large")) == (b"hello", LARGE)
    assert ((await store.head("a/small")).size, (await store.head("a/large")).size) == (5, len(LARGE))


async def test_large_object_in_memory_is_written_whole(store: ObjectStore) -> None:
    await store.put("a/large", LARGE)

    assert await store.read("a/large") == LARGE


async def test_range_of_an_object_is_read(store: ObjectStore) -> None:
    await store.put("a", chunks_of(LARGE))

    streamed = b"".join([bytes(chunk) async for chunk in store.stream("a", 1_000_001, 9_000_000)])

    assert streamed == LARGE[1_000_001:9_000_000]
    assert [await store.read("a", 3, 8), await store.read("a", 5, 5)] == [LARGE[3:8], b""]
    assert [chunk async for chunk in store.stream("a", 7, 7)] == []


@pytest.mark.parametrize("body", [b"second", "stream"])
async def test_key_is_written_once(store: ObjectStore, body: bytes | str) -> None:
    await store.put("a", b"first")

    with pytest.raises(ObjectExistsError):
        await store.put("a", body if isinstance(body, bytes) else chunks_of(LARGE))

    assert await store.read("a") == b"first"


async def test_body_that_ends_with_an_error_is_not_stored(store: ObjectStore) -> None:
    async def broken() -> AsyncGenerator[bytes]:
        yield LARGE
        raise KeyError("the client has left")

    with pytest.raises(KeyError, match="the client has left"):
        await store.put("a", broken())

    with pytest.raises(ObjectMissingError):
        await store.head("a")


async def test_missing_object_is_an_error_and_its_deletion_is_none(store: ObjectStore) -> None:
    for attempt in (store.read("no"), store.head("no"), store.copy("no", "b"), store.rename("no", "b")):
        with pytest.raises(ObjectMissingError):
            await attempt
    with pytest.raises(ObjectMissingError):
        await anext(store.stream("no", 0, 1))

    await store.delete(["no", "neither"])


async def test_copy_and_rename_keep_the_body(store: ObjectStore) -> None:
    await store.put("a/1", b"body")

    await store.copy("a/1", "b/1")
    await store.rename("a/1", "c/1")

    assert (await store.read("b/1"), await store.read("c/1")) == (b"body", b"body")
    assert await keys(store, "a/") == []
    for taken in (store.copy("b/1", "c/1"), store.rename("b/1", "c/1")):
        with pytest.raises(ObjectExistsError):
            await taken


async def test_list_is_of_a_folder(store: ObjectStore) -> None:
    for key in ("a/x/1", "a/y/2", "b/3"):
        await store.put(key, b"")

    await store.delete(["a/x/1"])

    assert await keys(store, "a/") == ["a/y/2"]
    assert await keys(store, "nothing/") == []


async def test_parts_become_an_object(store: ObjectStore) -> None:
    await store.write_part("a", 0, b"12345")
    await store.write_part("a", 5, b"abc")
    # Sent again, because the process died before it had counted the part.
    await store.write_part("a", 5, bytearray(b"67"))
    await store.write_part("a", 7, b"89")

    await store.join_parts("a", 9)
    # Again, because the process died before it had written the row.
    await store.join_parts("a", 9)

    assert await store.read("a") == b"123456789"
    assert await keys(store, "a.parts/") == []


async def test_parts_that_are_too_few_are_not_joined(store: ObjectStore) -> None:
    await store.write_part("a", 0, b"12345")

    with pytest.raises(ObjectMissingError):
        await store.join_parts("a", 6)
    await store.delete_parts("a")

    with pytest.raises(ObjectMissingError):
        await store.join_parts("a", 5)


async def test_store_is_reachable(store: ObjectStore) -> None:
    assert await store.is_reachable() is True
