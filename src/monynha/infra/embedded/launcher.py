"""A script that becomes a server process: with the right user, and dying with the process that started it.

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
    """Become `nobody` inside and stay root outside: PostgreSQL refuses root, yet files stay root's."""
    nobody = pwd.getpwnam("nobody")  # a bare number is not enough, initdb looks the name up
    if ctypes.CDLL(None).unshare(CLONE_NEWUSER) != 0:
        sys.exit(EXIT_CANNOT_CHANGE_USER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{nobody.pw_uid} 0 1")
    Path("/proc/self/gid_map").write_text(f"{nobody.pw_gid} 0 1")


def become_nobody() -> None:
    """Give up root for good, where namespaces are forbidden."""
    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)


def main(user: str, stop_signal: str, parent: str, *argv: str) -> None:
    """Change the user, bind this life to the parent's, and become the program."""
    try:
        if user == "namespace":
            enter_namespace()
        elif user == "nobody":
            become_nobody()
    except (OSError, KeyError):
        sys.exit(EXIT_CANNOT_CHANGE_USER)
    # After the change of user, which clears it.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(stop_signal))
    if os.getppid() != int(parent):  # it died before we asked to be told
        sys.exit(128 + signal.SIGTERM)
    os.execv(argv[0], argv)


if __name__ == "__main__":
    main(*sys.argv[1:])
