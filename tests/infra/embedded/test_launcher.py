"""The script that becomes a server process: its user, and its end with the process that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from monynha.infra.embedded import process_user
from tests.machine import IS_ROOT, allows_namespaces, needs_namespaces, needs_root

LAUNCHER = Path(process_user.__file__).with_name("launcher.py")
PRINT_USER = "import os; print(os.getuid())"

# Starts a process through the launcher, prints its id, and waits to be killed.
_PARENT_SCRIPT = """
import os, subprocess, sys, time
command = [sys.executable, sys.argv[1], "current", "15", str(os.getpid()), "/bin/sleep", "60"]
print(subprocess.Popen(command).pid, flush=True)
time.sleep(60)
"""


def launch(
    user: str, *argv: str, parent: int | None = None, prefix: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    command = [
        *prefix,
        sys.executable,
        str(LAUNCHER),
        user,
        str(int(signal.SIGTERM)),
        str(parent or os.getpid()),
        *argv,
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False, cwd="/")


@pytest.mark.parametrize(
    "user", ["current", *(["nobody"] if IS_ROOT else []), *(["namespace"] if allows_namespaces() else [])]
)
def test_program_runs_with_its_arguments(user: str) -> None:
    result = launch(user, "/bin/echo", "one", "two words")

    assert (result.returncode, result.stdout) == (0, "one two words\n")


@needs_root
def test_program_of_root_runs_as_nobody() -> None:
    assert launch("nobody", "/usr/bin/id", "-un").stdout == "nobody\n"


@needs_namespaces
def test_program_in_a_namespace_is_not_root() -> None:
    result = launch("namespace", "/usr/bin/id", "-un")

    assert result.stdout == "nobody\n"


def test_user_that_cannot_be_changed_is_an_error() -> None:
    # Root loses the capability to change the user for this process.
    prefix = ("setpriv", "--bounding-set=-setuid,-setgid") if IS_ROOT else ()

    assert launch("nobody", "/bin/true", prefix=prefix).returncode == 71


def test_program_is_not_started_for_a_parent_that_is_dead() -> None:
    with subprocess.Popen("/bin/true") as dead_parent:
        dead_parent.wait()

    assert launch("current", "/bin/true", parent=dead_parent.pid).returncode == 128 + signal.SIGTERM


def test_program_ends_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", _PARENT_SCRIPT, str(LAUNCHER)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}/comm").read_text() != "sleep\n":
        assert time.monotonic() < deadline
        time.sleep(0.01)

    parent.kill()
    parent.wait()
    parent.stdout.close()

    while is_running(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    """Whether a process exists and is no zombie; nobody may be there to reap it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
