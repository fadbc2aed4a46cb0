"""What the machine that runs the tests allows: its user, user namespaces, and folders that servers may enter."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import tempfile
from functools import cache
from itertools import takewhile
from pathlib import Path

import pytest

from monynha.infra.embedded.process_user import ProcessUser

IS_ROOT = os.geteuid() == 0
NOBODY_UID = pwd.getpwnam("nobody").pw_uid


@cache
def allows_namespaces() -> bool:
    """Whether root may start a server in a user namespace of its own; default containers forbid it."""
    command = ProcessUser.NAMESPACE.command(signal.SIGKILL, "/bin/true")
    return IS_ROOT and subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0


@cache
def allows_mounts() -> bool:
    """Whether this user may mount a disk in a namespace of its own."""
    command = ["unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    try:
        return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0
    except FileNotFoundError:
        return False


needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root can change the user")
needs_namespaces = pytest.mark.skipif(not allows_namespaces(), reason="user namespaces are forbidden to this user here")
needs_mounts = pytest.mark.skipif(not allows_mounts(), reason="no disk can be mounted by this user here")


def let_servers_enter(folder: Path) -> Path:
    """Open a folder of the tests, and those above it, to `nobody`, if PostgreSQL must run as that user; return it.

    Otherwise its database would be kept in /var/lib/monynha, where no test run removes it.
    """
    if IS_ROOT and not allows_namespaces():
        temporary_root = Path(tempfile.gettempdir()).resolve()
        for entered in takewhile(lambda path: path != temporary_root, (folder, *folder.resolve().parents)):
            entered.chmod(entered.stat().st_mode | 0o011)
    return folder
