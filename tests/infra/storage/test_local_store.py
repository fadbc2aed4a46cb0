"""Bodies in a folder: what a killed write leaves behind, files that are not ours, a folder that is gone."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monynha.infra.storage import ObjectMissingError, StorageUnavailableError
from monynha.infra.storage.local_store import LocalStore

pytestmark = pytest.mark.anyio


@pytest.fixture
async def local_store(tmp_path: Path) -> AsyncIterator[LocalStore]:
    store = LocalStore.open(tmp_path / "objects")
    yield store
    await store.close()


async def test_object_appears_only_when_it_is_whole(local_store: LocalStore) -> None:
    async def body() -> AsyncGenerator[bytes]:
        yield b"x" * 2_000_000
        with pytest.raises(ObjectMissingError):
            await local_store.head("a")
        yield b"y"

    await local_store.put("a", body())

    assert (await local_store.head("a")).size == 2_000_001
    assert list((local_store.root / ".unfinished").iterdir()) == []


async def test_what_a_killed_write_left_behind_is_deleted_when_it_is_old(local_store: LocalStore) -> None:
    old, recent = (local_store.root / ".unfinished" / name for name in ("old", "recent"))
    now = datetime.now(UTC)
    for path, age in ((old, 2), (recent, 0)):
        path.write_bytes(b"half of a body")
        seconds = (now - timedelta(days=age)).timestamp()
        os.utime(path, (seconds, seconds))

    await local_store.delete_unfinished(now - timedelta(days=1))

    assert (old.exists(), recent.exists()) == (False, True)


async def test_objects_are_readable_by_the_program_alone(local_store: LocalStore) -> None:
    await local_store.put("folder/a", b"secret")

    path = local_store.root / "folder" / "a"

    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize("key", ["../outside", "a/../../outside", "/etc/passwd"])
async def test_key_stays_in_the_folder(local_store: LocalStore, key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        await local_store.put(key, b"x")


async def test_folder_that_is_gone_is_reported_without_its_path(local_store: LocalStore) -> None:
    shutil.rmtree(local_store.root)

    with pytest.raises(StorageUnavailableError) as error:
        await local_store.put("a", b"x")

    assert error.value.message == "The storage of files is temporarily unavailable, please try again."
    assert await local_store.is_reachable() is False


async def test_object_that_is_deleted_while_it_is_read_is_read_to_its_end(local_store: LocalStore) -> None:
    await local_store.put("a", b"x" * 1_000_000)

    stream = local_store.stream("a", 0, 1_000_000)
    size = len(await anext(stream))
    await local_store.delete(["a"])
    async for chunk in stream:
        size += len(chunk)

    assert size == 1_000_000
