"""A server under test: a process on its own port, started and stopped by the benchmark."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.dataset import BENCH_FOLDER, Dataset, run_command


@dataclass(frozen=True)
class Target:
    """A running server; `documents` are its GraphQL documents by scenario."""

    name: str
    url: str
    process: subprocess.Popen[bytes]
    documents: Mapping[str, str] = field(default_factory=dict)
    has_rest: bool = True

    def supports(self, scenario: str) -> bool:
        """Whether the server supports the scenario."""
        return scenario in self.documents if scenario.startswith("graph") else self.has_rest

    def memory_mb(self) -> float:
        """Return the proportional memory (PSS) of the process and its descendants."""
        return sum(_pss_mb(pid) for pid in _process_tree(self.process.pid))


@dataclass(frozen=True)
class LaunchSpec:
    """How a server is started."""

    name: str
    port: int
    command: tuple[str, ...]
    env: Mapping[str, str]
    folder: Path = BENCH_FOLDER
    documents: Mapping[str, str] = field(default_factory=dict)
    has_rest: bool = True
    log_file: Path | None = None
    """Where standard error goes; None leaves it on the terminal."""

    def launch(self, stack: AsyncExitStack) -> Target:
        """Start the server; the stack stops it."""
        log = stack.enter_context(self.log_file.open("wb")) if self.log_file else None
        process = subprocess.Popen(
            self.command,
            env={**os.environ, **self.env},
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )
        stack.callback(_stop, process)
        url = f"http://127.0.0.1:{self.port}"
        return Target(self.name, url, process, self.documents, self.has_rest)


async def wait_until_ready(target: Target, dataset: Dataset) -> None:
    """Wait until the server responds to the first user."""
    token = dataset.tokens_file.read_text().split("\n", 1)[0]
    curl_arguments = [f"{target.url}/api/v1/projects"]
    if not target.has_rest:
        curl_arguments = [
            f"{target.url}/graphql",
            "-H",
            "content-type: application/json",
            "-d",
            '{"query":"{__typename}"}',
        ]
    for _ in range(150):
        try:
            await run_command("curl", "-sf", *curl_arguments, "-H", f"authorization: Bearer {token}")
            return
        except SystemExit:
            await asyncio.sleep(0.2)
    raise SystemExit(f"{target.name} does not respond at {target.url}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()


def _process_tree(pid: int) -> list[int]:
    children_file = Path(f"/proc/{pid}/task/{pid}/children")
    children = children_file.read_text().split() if children_file.exists() else []
    return [pid, *(descendant for child in children for descendant in _process_tree(int(child)))]


def _pss_mb(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return next(int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("Pss:"))
