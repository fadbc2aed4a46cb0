"""A script that changes its user, ties its life to that of its parent, and becomes a server process.

Run as `python -S -E launcher.py USER SIGNAL PARENT ARGV...`, never imported: it must start in milliseconds.
"""

import ctypes
import os
import pwd
import signal
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
EXIT_CANNOT_CHANGE_USER = 71


def enter_namespace() -> None:
    """Become `nobody` in a new user namespace: PostgreSQL refuses to run as root, yet its files stay root's."""
    nobody = pwd.getpwnam("nobody")  # initdb looks the name up, so the user must exist
    if ctypes.CDLL(None).unshare(CLONE_NEWUSER) != 0:
        sys.exit(EXIT_CANNOT_CHANGE_USER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{nobody.pw_uid} 0 1")
    Path("/proc/self/gid_map").write_text(f"{nobody.pw_gid} 0 1")


def become_nobody() -> None:
    """Give up root, where user namespaces are forbidden."""
    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)


def main(user: str, stop_signal: str, parent: str, *argv: str) -> None:
    """Change the user, ask for a signal at the death of the parent, and execute the program."""
    try:
        if user == "namespace":
            enter_namespace()
        elif user == "nobody":
            become_nobody()
    except (OSError, KeyError):
        sys.exit(EXIT_CANNOT_CHANGE_USER)
    # After the change of user, which would clear it (prctl(2)).
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(stop_signal))
    if os.getppid() != int(parent):  # the parent died before prctl took effect
        sys.exit(128 + signal.SIGTERM)
    os.execv(argv[0], argv)


if __name__ == "__main__":
    main(*sys.argv[1:])
