"""What is measured: a process on a port of its own, started for the benchmark and stopped after it."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.world import HERE, World, ran


@dataclass(frozen=True)
class Contender:
    """Something that answers requests; `documents` are its GraphQL questions by scenario."""

    name: str
    url: str
    process: subprocess.Popen[bytes]
    documents: Mapping[str, str] = field(default_factory=dict)
    has_rest: bool = True

    def takes(self, scenario: str) -> bool:
        """Whether it can be asked that."""
        return scenario in self.documents if scenario.startswith("graph") else self.has_rest

    def memory_mb(self) -> float:
        """Return the memory of its process and of all below it, shared pages by their share."""
        return sum(_pss_mb(pid) for pid in _family(self.process.pid))


@dataclass(frozen=True)
class Start:
    """How a contender is started."""

    name: str
    port: int
    words: tuple[str, ...]
    env: Mapping[str, str]
    folder: Path = HERE
    documents: Mapping[str, str] = field(default_factory=dict)
    has_rest: bool = True

    def begin(self, held: AsyncExitStack) -> Contender:
        """Start it, to be stopped with the stack."""
        process = subprocess.Popen(
            self.words,
            env={**os.environ, **self.env},
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        held.callback(_stop, process)
        url = f"http://127.0.0.1:{self.port}"
        return Contender(self.name, url, process, self.documents, self.has_rest)


async def ready(one: Contender, world: World) -> None:
    """Wait until it answers the first person."""
    token = world.tokens.read_text().split("\n", 1)[0]
    asked = [f"{one.url}/api/v1/projects"]
    if not one.has_rest:
        asked = [
            f"{one.url}/graphql",
            "-H",
            "content-type: application/json",
            "-d",
            '{"query":"{__typename}"}',
        ]
    for _ in range(150):
        try:
            await ran("curl", "-sf", *asked, "-H", f"authorization: Bearer {token}")
            return
        except SystemExit:
            await asyncio.sleep(0.2)
    raise SystemExit(f"{one.name} does not answer at {one.url}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()


def _family(pid: int) -> list[int]:
    below = Path(f"/proc/{pid}/task/{pid}/children")
    children = below.read_text().split() if below.exists() else []
    return [pid, *(one for child in children for one in _family(int(child)))]


def _pss_mb(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return next(int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("Pss:"))
