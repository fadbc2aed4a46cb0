"""What a killed server leaves behind: processes still going down, and a number no longer its own."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

from monynha.core.errors import WrongSetting

_PATIENCE_S = 5.0
_PAUSE_S = 0.05


def processes_in(folder: Path, program: str) -> list[int]:
    """The processes that run `program` with this folder as their working directory."""
    place = folder.resolve()
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _is_it(entry, place, program)
    ]


def _is_it(process: Path, place: Path, program: str) -> bool:
    with suppress(OSError):
        try:
            # A program that was replaced on disk carries " (deleted)" behind its name.
            name = (process / "exe").readlink().name.split(" ")[0]
            return name == program and (process / "cwd").readlink() == place
        except PermissionError:
            # Another user's process, where we may not look: only the main process names its folder.
            words = (process / "cmdline").read_bytes().split(b"\0")
            return Path(os.fsdecode(words[0])).name == program and os.fsencode(place) in words
    return False


async def clear_leftovers(folder: Path, program: str) -> None:
    """Wait until no process of an earlier start works in the folder; stop those that would stay."""
    for order in (None, signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if order:
            for process in processes_in(folder, program):
                with suppress(ProcessLookupError):
                    os.kill(process, order)
        waited = 0.0
        while waited < _PATIENCE_S:
            if not processes_in(folder, program):
                return
            await asyncio.sleep(_PAUSE_S)
            waited += _PAUSE_S
    raise WrongSetting(f"MONYNHA_DATA_DIR: {program} of an earlier start still works in {folder}")


def clear_stale_pid(cluster: Path) -> None:
    """Remove `postmaster.pid` when its number now belongs to a stranger; PostgreSQL would refuse to start.

    Call only when no PostgreSQL works in the folder. The file of a dead process stays: PostgreSQL finds in it
    the shared memory to give back.
    """
    path = cluster / "postmaster.pid"
    with suppress(FileNotFoundError, ValueError, IndexError):
        number = int(path.read_text().split()[0])
        if Path(f"/proc/{number}").exists():
            path.unlink()
