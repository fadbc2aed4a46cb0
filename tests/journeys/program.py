"""The program as its operator sees it: a command that is started, called over HTTP, stopped and killed."""

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
SERVE_STUB = (sys.executable, "-m", "tests.journeys.serve_stub")
TIMEOUT_S = 30.0


class Program:
    """One process of the program, or of the stub."""

    def __init__(self, data_dir: Path, *command: str, **environ: str) -> None:
        self.data_dir = data_dir
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "src"),
            "MONYNHA_PORT": "0",
            "MONYNHA_DATA_DIR": str(data_dir),
            **environ,
        }
        self.process = subprocess.Popen(
            command or SERVE_STUB,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.ready_line = ""

    def wait_ready(self) -> Self:
        """Read the line that it prints when it is ready."""
        assert self.process.stdout
        self.ready_line = self.process.stdout.readline()
        assert self.ready_line, self.process.communicate()
        return self

    @property
    def url(self) -> str:
        return self.ready_line.split()[-1]

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, timeout=10)

    def get_until_status(self, path: str, status: int) -> httpx.Response:
        """Send the request until the response has this status, and return it."""
        deadline = time.monotonic() + TIMEOUT_S
        while (response := self.get(path)).status_code != status:
            assert time.monotonic() < deadline, response
            time.sleep(0.05)
        return response

    def stop(self, stop_signal: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, and return the exit code."""
        self.process.send_signal(stop_signal)
        return self.process.wait(TIMEOUT_S)

    def kill_group(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def kill_tree(self) -> None:
        """Kill the program with its workers and servers at once, as the end of a container does."""
        for pid in (self.process.pid, *descendants(self.process.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def startup_error(self) -> str:
        """Return the output of a program that does not start."""
        stdout, stderr = self.process.communicate(timeout=TIMEOUT_S)

        assert stdout == ""
        assert self.process.returncode == 1, stderr
        return stderr

    def postmaster_pid(self) -> int:
        return int((self.data_dir / "pg" / "postmaster.pid").read_text().split()[0])


def descendants(pid: int) -> list[int]:
    """Return the ids of the children of a process, of their children, and so on."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            # The name before it is in parentheses and may hold any character (proc(5)).
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(status.parent.name))
    pids = list(children.get(pid, []))
    for child in pids:  # which grows meanwhile
        pids += children.get(child, [])
    return pids


@contextmanager
def run_program(data_dir: Path, *command: str, **environ: str) -> Iterator[Program]:
    """Run a program until it is ready, and stop it at the end whatever happens."""
    program = Program(data_dir, *command, **environ)
    try:
        yield program.wait_ready()
    finally:
        stop_and_clean_up(program)


def stop_and_clean_up(program: Program) -> None:
    """Stop the program and all its processes."""
    if program.process.poll() is None:
        program.stop()
    with suppress(ProcessLookupError):
        os.killpg(program.process.pid, signal.SIGKILL)
    for pipe in (program.process.stdout, program.process.stderr):
        if pipe:
            pipe.close()
