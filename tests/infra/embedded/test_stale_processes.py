"""What a killed server leaves behind: processes that are stopped, and a pid file that is removed."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from monynha.core.settings.settings import Settings
from monynha.infra.embedded import run_servers, stale_processes
from monynha.infra.embedded.stale_processes import find_processes, remove_stale_pid_file, stop_stale_processes
from tests.infra.embedded.probes import wait_for_database

SLEEP = Path(shutil.which("sleep") or "/bin/sleep").resolve()


async def test_processes_are_found_by_program_and_working_directory(tmp_path: Path) -> None:
    inside = await asyncio.create_subprocess_exec(SLEEP, "60", cwd=tmp_path)
    outside = await asyncio.create_subprocess_exec(SLEEP, "60", cwd=tmp_path.parent)
    try:
        assert find_processes(tmp_path, SLEEP.name) == [inside.pid]
        assert find_processes(tmp_path, "postgres") == []
    finally:
        for process in (inside, outside):
            process.kill()
            await process.wait()


async def test_process_that_stays_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stale_processes, "_EXIT_TIMEOUT_S", 0.2)
    process = await asyncio.create_subprocess_exec(SLEEP, "60", cwd=tmp_path)

    await stop_stale_processes(tmp_path, SLEEP.name)

    assert await process.wait() != 0


async def test_pid_file_of_another_program_does_not_stop_the_start(postgres_only: Settings) -> None:
    async with run_servers(postgres_only):
        pass
    pid_file = postgres_only.data_dir / "pg" / "postmaster.pid"
    other_process = await asyncio.create_subprocess_exec(SLEEP, "60")
    try:
        pid_file.write_text(
            f"{other_process.pid}\n{pid_file.parent}\n1795389404\n5432\n/nowhere\n\n  1234567    32768\nready   \n"
        )
        async with run_servers(postgres_only) as server_urls:
            await wait_for_database(server_urls)
    finally:
        other_process.kill()
        await other_process.wait()


@pytest.mark.parametrize("content", ["999999999\n", "", "no number\n"])
def test_pid_file_of_a_dead_process_stays(tmp_path: Path, content: str) -> None:
    (tmp_path / "postmaster.pid").write_text(content)

    remove_stale_pid_file(tmp_path)

    assert (tmp_path / "postmaster.pid").exists()
