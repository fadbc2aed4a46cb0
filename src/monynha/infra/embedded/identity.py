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
_ENVIRON: Final = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


class Identity(enum.Enum):
    """The user a server process becomes."""

    OURS = "ours"
    NAMESPACE = "namespace"  # `nobody` in a user namespace of its own, root outside
    NOBODY = "nobody"

    @property
    def uid(self) -> int:
        """Who owns the server's files, as seen from here."""
        return pwd.getpwnam("nobody").pw_uid if self is Identity.NOBODY else os.geteuid()

    def command(self, stop_signal: signal.Signals, *argv: str | Path) -> tuple[str, ...]:
        """The command that becomes `argv` under this identity and gets `stop_signal` when we die."""
        launch = (
            sys.executable,
            "-S",
            "-E",
            str(_LAUNCHER),
            self.value,
            str(int(stop_signal)),
            str(os.getpid()),
        )
        return (*launch, *map(str, argv))

    async def run(
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
            env=_ENVIRON,
        )

    def can_reach(self, path: Path) -> bool:
        """Whether it may pass through every folder above `path`."""
        if self is not Identity.NOBODY:
            return True
        return all(above.stat().st_mode & stat.S_IXOTH for above in path.resolve().parents)

    def own(self, place: Path) -> None:
        """Hand a file or folder over, when we or a start as another identity left it to somebody else."""
        if os.geteuid() != 0 or place.stat().st_uid == self.uid:
            return
        whole = place.resolve()  # it may be a link to where `nobody` could reach it
        for path in (whole, *whole.rglob("*")):
            os.chown(path, self.uid, -1, follow_symlinks=False)


async def choose_identity() -> Identity:
    """Stay ourselves unless we are root; then prefer the namespace, which leaves all files root's."""
    if os.geteuid() != 0:
        return Identity.OURS
    nothing = shutil.which("true") or "/bin/true"
    probe = await asyncio.create_subprocess_exec(
        *Identity.NAMESPACE.command(signal.SIGKILL, nothing),
        stdin=DEVNULL,
        stderr=DEVNULL,
    )
    return Identity.NAMESPACE if await probe.wait() == 0 else Identity.NOBODY
