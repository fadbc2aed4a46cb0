"""The user that the embedded servers run as, since PostgreSQL refuses to run as root."""

from __future__ import annotations

import asyncio
import enum
import os
import pwd
import shutil
import signal
import stat
import sys
from asyncio.subprocess import DEVNULL, Process
from pathlib import Path
from typing import IO, Final

_LAUNCHER = Path(__file__).with_name("launcher.py")
_ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


class ProcessUser(enum.Enum):
    """The user that a server process becomes; the values are arguments of `launcher.py`."""

    CURRENT = "current"
    NAMESPACE = "namespace"  # `nobody` inside a user namespace of its own, root outside
    NOBODY = "nobody"

    @property
    def uid(self) -> int:
        """The owner of the server's files, as seen from outside a namespace."""
        return pwd.getpwnam("nobody").pw_uid if self is ProcessUser.NOBODY else os.geteuid()

    def command(self, stop_signal: signal.Signals, *argv: str | Path) -> tuple[str, ...]:
        """Return the command that runs `argv` as this user and receives `stop_signal` when this process dies."""
        launcher_command = (
            sys.executable,
            "-S",
            "-E",
            str(_LAUNCHER),
            self.value,
            str(int(stop_signal)),
            str(os.getpid()),
        )
        return (*launcher_command, *map(str, argv))

    async def spawn(
        self, stop_signal: signal.Signals, *argv: str | Path, output: int | IO[bytes], errors: int | IO[bytes]
    ) -> Process:
        """Start `argv` as this user, with a fixed environment of its own."""
        # A session of its own: Ctrl-C signals all processes of the terminal, but the servers must stop last.
        return await asyncio.create_subprocess_exec(
            *self.command(stop_signal, *argv),
            stdin=DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
            cwd="/",
            env=_ENVIRONMENT,
        )

    def can_reach(self, path: Path) -> bool:
        """Whether this user may enter every folder above `path`."""
        return self.closed_folder(path) is None

    def closed_folder(self, path: Path) -> Path | None:
        """Return the topmost folder above `path` that this user may not enter, or None."""
        if self is not ProcessUser.NOBODY:
            return None
        folders_from_root = reversed(path.resolve().parents)
        return next((folder for folder in folders_from_root if not folder.stat().st_mode & stat.S_IXOTH), None)

    def chown(self, path: Path) -> None:
        """Make this user the owner of a file or folder and of all below, if we are root and it is not yet."""
        if os.geteuid() != 0 or path.stat().st_uid == self.uid:
            return
        resolved = path.resolve()  # it may be a link to a folder that `nobody` can reach
        for entry in (resolved, *resolved.rglob("*")):
            os.chown(entry, self.uid, -1, follow_symlinks=False)


async def choose_process_user() -> ProcessUser:
    """Choose the current user unless that is root; then a namespace, whose files stay root's, if one is allowed."""
    if os.geteuid() != 0:
        return ProcessUser.CURRENT
    true_program = shutil.which("true") or "/bin/true"
    probe = await asyncio.create_subprocess_exec(
        *ProcessUser.NAMESPACE.command(signal.SIGKILL, true_program),
        stdin=DEVNULL,
        stderr=DEVNULL,
    )
    return ProcessUser.NAMESPACE if await probe.wait() == 0 else ProcessUser.NOBODY
