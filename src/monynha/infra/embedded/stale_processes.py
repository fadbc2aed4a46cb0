"""Clears what a killed server leaves behind: processes that still run, and the lock files of PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

from monynha.core.errors import SettingsError

_EXIT_TIMEOUT_S = 5.0
_POLL_INTERVAL_S = 0.05
_PID_OF_NO_PROCESS = 2**31 - 1  # above every limit of the kernel, which is 2^22 (proc(5), pid_max)


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


def clear_lock_files(cluster: Path, socket_dir: Path) -> None:
    """Make PostgreSQL ignore the lock files of a killed server: of its cluster, and of its socket.

    It refuses to start while the process named in one exists, and that may be a zombie, or another program which
    was given the same id. Call this only while no PostgreSQL runs in the folder.
    """
    for socket_lock in socket_dir.glob(".s.PGSQL.*.lock"):
        socket_lock.unlink(missing_ok=True)
    # The other lines of this one stay: PostgreSQL reads from them which shared memory to check.
    path = cluster / "postmaster.pid"
    with suppress(FileNotFoundError):
        first_line, separator, other_lines = path.read_text().partition("\n")
        if first_line.strip().lstrip("-").isdigit():
            with path.open("r+") as pid_file:
                pid_file.write(f"{_PID_OF_NO_PROCESS}{separator}{other_lines}")
        else:
            path.unlink()  # killed before the file was written; PostgreSQL would take it for damaged
