"""Image operations run in processes that may crash, hang or use too much, and harm nobody."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from monynha.infra.images import (
    ImageLimits,
    ImagePool,
    ImagePoolOptions,
    ImageProcessError,
    ImageRefusedError,
    TransformOperation,
)
from tests.conditions import wait_until
from tests.infra.images.samples import gif_of_frames, plain, png_bomb, write_photo

PoolFactory = Callable[[ImagePoolOptions], ImagePool]


@pytest.fixture
async def new_pool() -> AsyncIterator[PoolFactory]:
    pools = []

    def new(options: ImagePoolOptions) -> ImagePool:
        pools.append(ImagePool(options))
        return pools[-1]

    yield new
    for pool in pools:
        await pool.close()


@pytest.fixture
def pool(new_pool: PoolFactory) -> ImagePool:
    return new_pool(ImagePoolOptions())


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return write_photo(tmp_path / "photo.jpg", 400, 300)


@pytest.fixture
def large_photo(tmp_path: Path) -> Path:
    return write_photo(tmp_path / "large.png", 3000, 2000)


_others: set[int] = set()
"""The image processes of the program that other tests use."""


@pytest.fixture(autouse=True)
def _ignore_others() -> None:
    _others.clear()
    _others.update(_process_ids())


def _process_ids() -> list[int]:
    """Return the ids of the image processes of this test."""
    process_ids = [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and _is_image_process(int(pid))]
    return [process_id for process_id in process_ids if process_id not in _others]


def _is_image_process(pid: int) -> bool:
    try:
        state, parent_id = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return int(parent_id) == os.getpid() and state != "Z" and b"monynha.infra.images.image_process" in command


async def test_an_image_is_rendered_in_another_process(pool: ImagePool, photo: Path) -> None:
    rendered = await pool.render(photo, photo.parent)

    assert (rendered.main.width, sorted(rendered.thumbnails)) == (400, [100, 300, 600])
    assert len(_process_ids()) == 1
    assert not {"monynha.infra.images.rendering", "monynha.infra.images.loading"} & _modules_without_tests()


def _modules_without_tests() -> set[str]:
    """Return what the interface of the package imports, asked in a fresh process."""
    script = "import monynha.infra.images, sys; print(*sys.modules)"
    return set(
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    )


async def test_one_process_does_one_operation_after_the_other(pool: ImagePool, photo: Path, tmp_path: Path) -> None:
    for _ in range(3):
        await pool.crop_avatar(photo, tmp_path / "avatar")
        await pool.transform(TransformOperation(str(photo), str(tmp_path / "out"), width=50))

    assert len(_process_ids()) == 1


async def test_a_refused_image_tells_why_and_the_process_goes_on(pool: ImagePool, photo: Path, tmp_path: Path) -> None:
    for name, content in (("bomb", png_bomb(30_000, 30_000)), ("gif", gif_of_frames(10_000)), ("text", b"no image")):
        (tmp_path / name).write_bytes(content)
    refusals = []
    for name in ("bomb", "gif", "text"):
        with pytest.raises(ImageRefusedError) as refusal:
            await pool.render(tmp_path / name, tmp_path)
        refusals.append(str(refusal.value))
    process_ids = _process_ids()

    await pool.render(photo, tmp_path)

    assert refusals == [
        "The image has 900 megapixels; at most 100 are processed.",
        "The image has 10000 frames; at most 500 are processed.",
        "The file is not an image that can be read.",
    ]
    assert _process_ids() == process_ids


async def test_a_process_that_is_killed_is_replaced(pool: ImagePool, photo: Path, tmp_path: Path) -> None:
    await pool.render(photo, tmp_path)
    [first] = _process_ids()
    os.kill(first, signal.SIGKILL)
    await wait_until(lambda: _process_ids() == [])

    # The loop may not have heard of the death yet: then one operation fails, and the next gets another process.
    try:
        await pool.render(photo, tmp_path)
    except ImageProcessError:
        await pool.render(photo, tmp_path)

    assert len(_process_ids()) == 1
    assert _process_ids() != [first]


async def test_a_process_that_dies_during_an_operation_fails_that_operation_alone(
    pool: ImagePool, large_photo: Path, photo: Path, tmp_path: Path
) -> None:
    await pool.render(photo, tmp_path)
    running = asyncio.create_task(pool.render(large_photo, tmp_path))
    waiting = asyncio.create_task(pool.render(photo, tmp_path))
    await asyncio.sleep(0.05)
    os.kill(_process_ids()[0], signal.SIGSEGV)

    with pytest.raises(ImageProcessError, match=r"too much time or memory"):
        await running
    assert (await waiting).main.width == 400


async def test_an_operation_that_takes_too_much_cpu_time_is_ended(
    new_pool: PoolFactory, large_photo: Path, photo: Path
) -> None:
    pool = new_pool(ImagePoolOptions(ImageLimits(cpu_seconds=0.1)))

    with pytest.raises(ImageProcessError, match=r"too much time or memory"):
        await pool.render(large_photo, large_photo.parent)

    assert (await pool.transform(TransformOperation(str(photo), str(photo) + ".out", width=9))).width == 9


async def test_a_process_that_hangs_is_ended(new_pool: PoolFactory, photo: Path, tmp_path: Path) -> None:
    pool = new_pool(ImagePoolOptions(ImageLimits(wall_seconds=2.0)))
    await pool.render(photo, tmp_path)
    [hanging] = _process_ids()
    os.kill(hanging, signal.SIGSTOP)

    with pytest.raises(ImageProcessError, match=r"took too long"):
        await pool.render(photo, tmp_path)

    await pool.close()
    assert _process_ids() == []


async def test_an_image_that_needs_too_much_memory_fails(new_pool: PoolFactory, photo: Path) -> None:
    needs_all_rows = photo.with_name("interlaced.png")
    plain(9000, 9000, 1, 2, 3).pngsave(str(needs_all_rows), interlace=True, compression=1)
    pool = new_pool(ImagePoolOptions(ImageLimits(memory_bytes=300_000_000)))

    with pytest.raises((ImageProcessError, ImageRefusedError)):
        await pool.render(needs_all_rows, needs_all_rows.parent)

    assert (await pool.render(photo, photo.parent)).main.width == 400


async def test_the_process_of_a_cancelled_operation_is_ended(pool: ImagePool, large_photo: Path, photo: Path) -> None:
    await pool.render(photo, photo.parent)
    [process_id] = _process_ids()
    running = asyncio.create_task(pool.render(large_photo, large_photo.parent))
    await asyncio.sleep(0.05)

    running.cancel()
    await asyncio.wait([running])

    await wait_until(lambda: process_id not in _process_ids())
    assert (await pool.render(photo, photo.parent)).main.width == 400


async def test_a_process_is_replaced_after_so_many_operations(
    new_pool: PoolFactory, photo: Path, tmp_path: Path
) -> None:
    pool = new_pool(ImagePoolOptions(operations_per_process=2))
    process_ids = set()
    for _ in range(4):
        await pool.render(photo, tmp_path)
        process_ids |= set(_process_ids())

    assert len(process_ids) == 2


async def test_an_idle_process_ends_and_the_next_operation_starts_another(
    new_pool: PoolFactory, photo: Path, tmp_path: Path
) -> None:
    pool = new_pool(ImagePoolOptions(idle_seconds=0.05))
    await pool.render(photo, tmp_path)
    await wait_until(lambda: _process_ids() == [])

    assert (await pool.render(photo, tmp_path)).main.width == 400


async def test_the_process_has_a_low_priority_no_secret_and_no_core_dump(
    pool: ImagePool, monkeypatch: pytest.MonkeyPatch, photo: Path, tmp_path: Path
) -> None:
    monkeypatch.setenv("JWT_SECRET", "a-secret-that-an-image-must-not-read")
    await pool.render(photo, tmp_path)
    [process_id] = _process_ids()

    environment = Path(f"/proc/{process_id}/environ").read_bytes()
    limits = Path(f"/proc/{process_id}/limits").read_text()
    assert b"JWT_SECRET" not in environment
    assert os.getpriority(os.PRIO_PROCESS, process_id) == os.getpriority(os.PRIO_PROCESS, 0) + 15
    assert [line.split()[4] for line in limits.splitlines() if line.startswith("Max core")] == ["0"]


async def test_closing_ends_all_processes(new_pool: PoolFactory, photo: Path, tmp_path: Path) -> None:
    pool = new_pool(ImagePoolOptions(processes=2))
    await asyncio.gather(pool.render(photo, tmp_path), pool.render(photo, tmp_path))
    assert len(_process_ids()) == 2

    await pool.close()

    assert _process_ids() == []
