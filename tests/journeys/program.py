"""The program as an outsider meets it: a command that is started, asked over HTTP, and killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import httpx

ROOT = Path(__file__).parents[2]
CLI = (sys.executable, "-m", "monynha.app.cli")
SERVE = (*CLI, "serve")
STUB = (sys.executable, "-m", "tests.journeys.run_stub")
PATIENCE_S = 30.0


class Program:
    """One start of the program."""

    def __init__(self, data_dir: Path, *command: str, **environ: str) -> None:
        self.data_dir = data_dir
        given = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "src"),
            "MONYNHA_PORT": "0",
            "MONYNHA_DATA_DIR": str(data_dir),
            **environ,
        }
        self.process = subprocess.Popen(
            command or STUB,
            cwd=ROOT,
            env=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.line = ""

    def wait_ready(self) -> Self:
        """Read the one line that it prints when it can serve."""
        assert self.process.stdout
        self.line = self.process.stdout.readline()
        assert self.line, self.process.communicate()
        return self

    @property
    def url(self) -> str:
        return self.line.split()[-1]

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, timeout=10)

    def get_until(self, path: str, status: int) -> httpx.Response:
        """Ask again and again until the answer has this status."""
        deadline = time.monotonic() + PATIENCE_S
        while (answer := self.get(path)).status_code != status:
            assert time.monotonic() < deadline, answer
            time.sleep(0.05)
        return answer

    def stop(self, order: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop, and return how it ended."""
        self.process.send_signal(order)
        return self.process.wait(PATIENCE_S)

    def kill_group(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def refusal(self) -> str:
        """What it says when it does not start."""
        said, told = self.process.communicate(timeout=PATIENCE_S)

        assert said == ""
        assert self.process.returncode == 1, told
        return told

    def postmaster(self) -> int:
        return int((self.data_dir / "pg" / "postmaster.pid").read_text().split()[0])


@contextmanager
def running(data_dir: Path, *command: str, **environ: str) -> Iterator[Program]:
    """A program that serves, and is gone afterwards whatever happens."""
    program = Program(data_dir, *command, **environ)
    try:
        yield program.wait_ready()
    finally:
        end(program)


def end(program: Program) -> None:
    """Leave nothing behind."""
    if program.process.poll() is None:
        program.stop()
    with suppress(ProcessLookupError):
        os.killpg(program.process.pid, signal.SIGKILL)
    for pipe in (program.process.stdout, program.process.stderr):
        if pipe:
            pipe.close()
