"""Locks of a data folder: who holds one, who waits, and what the holder tells the others."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from monynha.core.errors import SettingsError
from monynha.infra.embedded import hold_serve_lock, served_url
from monynha.infra.embedded.file_lock import FileLock


def test_exclusive_lock_keeps_all_others_out_until_it_is_released(tmp_path: Path) -> None:
    holder, other = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")

    assert holder.try_acquire()
    assert not other.try_acquire()
    assert not other.try_acquire(shared=True)
    holder.release()
    assert other.try_acquire()
    other.release()


def test_shared_lock_keeps_only_exclusive_ones_out(tmp_path: Path) -> None:
    first, second, exclusive = (FileLock(tmp_path / "lock") for _ in range(3))

    assert first.try_acquire(shared=True)
    assert second.try_acquire(shared=True)
    assert not exclusive.try_acquire()
    first.release()
    second.release()


async def test_waiting_for_a_lock_ends_when_it_is_released(tmp_path: Path) -> None:
    holder, waiting = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    holder.try_acquire()
    acquisition = asyncio.create_task(waiting.acquire())
    await asyncio.sleep(0.1)

    assert not acquisition.done()
    holder.release()
    await asyncio.wait_for(acquisition, 5)
    waiting.release()


def test_url_of_a_served_folder_is_known_while_it_is_served(tmp_path: Path) -> None:
    before = served_url(tmp_path / "data")
    with hold_serve_lock(tmp_path / "data") as lock:
        starting = served_url(tmp_path / "data")
        lock.write_note("http://127.0.0.1:8000")
        serving = served_url(tmp_path / "data")

    assert (before, starting, serving) == (None, None, "http://127.0.0.1:8000")
    assert served_url(tmp_path / "data") is None


def test_second_serve_of_a_folder_is_refused(tmp_path: Path) -> None:
    with hold_serve_lock(tmp_path) as lock:
        lock.write_note("http://127.0.0.1:8000")
        with (
            pytest.raises(SettingsError, match=r"another `monynha serve` uses \S+ \(http://127\.0\.0\.1:8000\)$"),
            hold_serve_lock(tmp_path),
        ):
            pass


def test_lock_file_that_cannot_be_opened_is_reported(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()

    with pytest.raises(SettingsError, match=r"^MONYNHA_DATA_DIR: \S+/lock: Is a directory$"):
        FileLock(tmp_path / "lock").try_acquire()
