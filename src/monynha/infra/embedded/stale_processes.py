"""What a killed server leaves behind: processes still going down, and a number no longer its own."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

from monynha.core.errors import SettingsError

_EXIT_TIMEOUT_S = 5.0
_POLL_INTERVAL_S = 0.05


def find_processes(folder: Path, program: str) -> list[int]:
    """The processes that run `program` with this folder as their working directory."""
    resolved_folder = folder.resolve()
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _runs_in(entry, resolved_folder, program)
    ]


def _runs_in(process: Path, folder: Path, program: str) -> bool:
    with suppress(OSError):
        try:
            # A program that was replaced on disk carries " (deleted)" behind its name.
            name = (process / "exe").readlink().name.split(" ")[0]
            return name == program and (process / "cwd").readlink() == folder
        except PermissionError:
            # Another user's process, where we may not look: only the main process names its folder.
            arguments = (process / "cmdline").read_bytes().split(b"\0")
            return Path(os.fsdecode(arguments[0])).name == program and os.fsencode(folder) in arguments
    return False


async def stop_stale_processes(folder: Path, program: str) -> None:
    """Wait until no process of an earlier start works in the folder; stop those that would stay."""
    for stop_signal in (None, signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if stop_signal:
            for process in find_processes(folder, program):
                with suppress(ProcessLookupError):
                    os.kill(process, stop_signal)
        waited_s = 0.0
        while waited_s < _EXIT_TIMEOUT_S:
            if not find_processes(folder, program):
                return
            await asyncio.sleep(_POLL_INTERVAL_S)
            waited_s += _POLL_INTERVAL_S
    raise SettingsError(f"MONYNHA_DATA_DIR: {program} of an earlier start still works in {folder}")


def remove_stale_pid_file(cluster: Path) -> None:
    """Remove `postmaster.pid` when its number now belongs to a stranger; PostgreSQL would refuse to start.

    Call only when no PostgreSQL works in the folder. The file of a dead process stays: PostgreSQL finds in it
    the shared memory to give back.
    """
    path = cluster / "postmaster.pid"
    with suppress(FileNotFoundError, ValueError, IndexError):
        pid = int(path.read_text().split()[0])
        if Path(f"/proc/{pid}").exists():
            path.unlink()
