"""Runs a command as root of a machine that forbids user namespaces: `run_without_namespaces.py ARGV...`."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000


def main(*argv: str) -> int:
    (entered_reader, entered_writer), (mapped_reader, mapped_writer) = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        ctypes.CDLL(None).unshare(CLONE_NEWUSER)
        os.write(entered_writer, b"x")
        os.read(mapped_reader, 1)
        # All user ids are as outside; only a further namespace is refused, and only for this command.
        Path("/proc/sys/user/max_user_namespaces").write_text("0")
        os.execv(argv[0], argv)
    os.read(entered_reader, 1)
    for kind in ("uid", "gid"):
        Path(f"/proc/{child}/{kind}_map").write_text("0 0 65536")
    os.write(mapped_writer, b"x")
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
