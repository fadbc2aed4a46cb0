"""Nothing is lost or doubled for those who listen while servers, or all of the program, are killed."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from monynha.infra.embedded.leftovers import processes_in
from tests.journeys.listeners import House, Listener, OnPhoenix, OnSocket, write
from tests.journeys.program import PATIENCE_S, SERVE, Program, end

pytestmark = pytest.mark.anyio

SECRET = "9b1f0c7d52e84a36b0d7c4e81f2a6395"
SETTINGS = {
    "JWT_SECRET": SECRET,
    "MONYNHA_WORKERS": "2",
    "MONYNHA_LIMIT_AUTH": "off",
    "MONYNHA_LIMIT_API": "off",
    "LOG_LEVEL": "error",
}
Kill = Callable[[Program], Program]


def kill_valkey(program: Program) -> Program:
    [found] = processes_in(program.data_dir / "valkey", "valkey-server")
    os.kill(found, signal.SIGKILL)
    return program


def kill_postgres(program: Program) -> Program:
    os.kill(program.postmaster(), signal.SIGKILL)
    return program


def kill_all(program: Program) -> Program:
    program.kill_group()
    end(program)
    return Program(program.data_dir, *SERVE, **SETTINGS).wait_ready()


@asynccontextmanager
async def at_work(
    house: House, acknowledged: dict[str, str], listeners: list[Listener]
) -> AsyncIterator[None]:
    """Listeners, and four writers; whoever fails ends it."""
    async with asyncio.TaskGroup() as group:
        listening = [group.create_task(one.listen()) for one in listeners]
        for one in listeners:
            await one.has_begun.wait()
        writing = [group.create_task(write(house, acknowledged)) for _ in range(4)]
        yield
        house.is_closing = True
        await asyncio.wait(writing)
        now = await house.tasks()
        await until(
            lambda: all(len(one.tasks) >= len(now) and one.tasks == now for one in listeners), within_s=5
        )
        for task in listening:
            task.cancel()


async def until(holds: Callable[[], bool], *, within_s: float = PATIENCE_S) -> None:
    """Wait until something holds, or has had ample time."""
    deadline = time.monotonic() + within_s
    while not holds() and time.monotonic() < deadline:
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("kill", [kill_valkey, kill_postgres, kill_all])
async def test_whoever_listens_loses_and_doubles_nothing(tmp_path: Path, kill: Kill) -> None:
    program = await asyncio.to_thread(Program(tmp_path / "data", *SERVE, **SETTINGS).wait_ready)
    try:
        house = House(program.url, SECRET)
        await house.sign_up()
        listeners: list[Listener] = [OnSocket(house), OnSocket(house), OnPhoenix(house), OnPhoenix(house)]
        acknowledged: dict[str, str] = {}
        async with at_work(house, acknowledged, listeners):
            await until(lambda: len(acknowledged) > 30)
            before = len(acknowledged)
            program = await asyncio.to_thread(kill, program)
            house.url = program.url
            await until(lambda: len(acknowledged) > before + 30)
        told = await house.tasks()
    finally:
        await asyncio.to_thread(end, program)

    assert len(acknowledged) > before + 30
    assert [told] * len(listeners) == [one.tasks for one in listeners]
    # What was not answered may have been written all the same; what was answered was.
    assert acknowledged.keys() <= told.keys()
    assert kill is not kill_all or all(one.returns >= 1 for one in listeners)
