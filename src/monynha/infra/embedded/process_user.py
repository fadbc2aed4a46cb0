"""As whom the embedded servers run: PostgreSQL refuses to run as root."""

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
    """The user a server process becomes."""

    CURRENT = "ours"
    NAMESPACE = "namespace"  # `nobody` in a user namespace of its own, root outside
    NOBODY = "nobody"

    @property
    def uid(self) -> int:
        """Who owns the server's files, as seen from here."""
        return pwd.getpwnam("nobody").pw_uid if self is ProcessUser.NOBODY else os.geteuid()

    def command(self, stop_signal: signal.Signals, *argv: str | Path) -> tuple[str, ...]:
        """The command that becomes `argv` under this identity and gets `stop_signal` when we die."""
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
        """Start `argv` under this identity, with nothing of our own environment."""
        # A session of its own: Ctrl-C reaches all processes of the terminal, and the servers go last.
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
        """Whether it may pass through every folder above `path`."""
        if self is not ProcessUser.NOBODY:
            return True
        return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.resolve().parents)

    def chown(self, path: Path) -> None:
        """Hand a file or folder over, when we or a start as another identity left it to somebody else."""
        if os.geteuid() != 0 or path.stat().st_uid == self.uid:
            return
        resolved = path.resolve()  # it may be a link to where `nobody` could reach it
        for entry in (resolved, *resolved.rglob("*")):
            os.chown(entry, self.uid, -1, follow_symlinks=False)


async def choose_process_user() -> ProcessUser:
    """Stay ourselves unless we are root; then prefer the namespace, which leaves all files root's."""
    if os.geteuid() != 0:
        return ProcessUser.CURRENT
    true_program = shutil.which("true") or "/bin/true"
    probe = await asyncio.create_subprocess_exec(
        *ProcessUser.NAMESPACE.command(signal.SIGKILL, true_program),
        stdin=DEVNULL,
        stderr=DEVNULL,
    )
    return ProcessUser.NAMESPACE if await probe.wait() == 0 else ProcessUser.NOBODY
