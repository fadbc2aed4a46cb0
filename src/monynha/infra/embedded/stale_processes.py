"""Clears what a killed server leaves behind: processes that still run, and a stale `postmaster.pid`."""

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
    """Return the ids of the processes that run `program` in this working directory."""
    resolved_folder = folder.resolve()
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _runs_in(entry, resolved_folder, program)
    ]


def _runs_in(process: Path, folder: Path, program: str) -> bool:
    with suppress(OSError):
        try:
            # The kernel appends " (deleted)" to the name of a program that was replaced on disk.
            name = (process / "exe").readlink().name.split(" ")[0]
            return name == program and (process / "cwd").readlink() == folder
        except PermissionError:
            # The links of another user's process are unreadable; only a main process names the folder in its arguments.
            arguments = (process / "cmdline").read_bytes().split(b"\0")
            return Path(os.fsdecode(arguments[0])).name == program and os.fsencode(folder) in arguments
    return False


async def stop_stale_processes(folder: Path, program: str) -> None:
    """Wait until no process of an earlier start runs in the folder, and stop those that stay.

    Raises SettingsError if one survives even SIGKILL.
    """
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
    raise SettingsError(f"MONYNHA_DATA_DIR: {program} of an earlier start still runs in {folder}")


def remove_stale_pid_file(cluster: Path) -> None:
    """Remove `postmaster.pid` if its process id now belongs to another program: PostgreSQL would refuse to start.

    Call this only while no PostgreSQL runs in the folder. The file of a dead process stays, since PostgreSQL
    reads from it which shared memory to release.
    """
    path = cluster / "postmaster.pid"
    with suppress(FileNotFoundError, ValueError, IndexError):
        pid = int(path.read_text().split()[0])
        if Path(f"/proc/{pid}").exists():
            path.unlink()
