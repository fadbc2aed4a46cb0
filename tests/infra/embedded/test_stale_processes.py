"""What a killed server leaves behind: processes that are stopped, and lock files that are cleared."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from monynha.core.settings.settings import Settings
from monynha.infra.embedded import run_servers, stale_processes
from monynha.infra.embedded.stale_processes import clear_lock_files, find_processes, stop_stale_processes
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


async def test_lock_files_that_name_another_process_do_not_stop_the_start(postgres_only: Settings) -> None:
    async with run_servers(postgres_only):
        pass
    pid_file = postgres_only.data_dir / "pg" / "postmaster.pid"
    socket_lock = postgres_only.data_dir / "run" / ".s.PGSQL.5432.lock"
    other_process = await asyncio.create_subprocess_exec(SLEEP, "60")
    other_lines = f"{pid_file.parent}\n1795389404\n5432\n/nowhere\n\n  1234567    32768\nready   \n"
    try:
        for lock_file in (pid_file, socket_lock):
            lock_file.write_text(f"{other_process.pid}\n{other_lines}")
        async with run_servers(postgres_only) as server_urls:
            await wait_for_database(server_urls)
    finally:
        other_process.kill()
        await other_process.wait()


async def test_empty_lock_files_do_not_stop_the_start(postgres_only: Settings) -> None:
    async with run_servers(postgres_only):
        pass
    (postgres_only.data_dir / "pg" / "postmaster.pid").touch()
    (postgres_only.data_dir / "run" / ".s.PGSQL.5432.lock").touch()

    async with run_servers(postgres_only) as server_urls:
        await wait_for_database(server_urls)


@pytest.mark.parametrize("pid", ["1", "999999999", "-17"])
def test_cleared_pid_file_names_no_process_and_the_same_shared_memory(tmp_path: Path, pid: str) -> None:
    (tmp_path / "postmaster.pid").write_text(f"{pid}\n/data\n1795389404\n")

    clear_lock_files(tmp_path, tmp_path / "run")

    first_line, *other_lines = (tmp_path / "postmaster.pid").read_text().splitlines()
    assert int(first_line) > 2**22  # the highest id that the kernel gives
    assert other_lines == ["/data", "1795389404"]


@pytest.mark.parametrize("content", ["", "no number\n"])
def test_pid_file_without_a_process_id_is_removed(tmp_path: Path, content: str) -> None:
    (tmp_path / "postmaster.pid").write_text(content)

    clear_lock_files(tmp_path, tmp_path / "run")

    assert not (tmp_path / "postmaster.pid").exists()
