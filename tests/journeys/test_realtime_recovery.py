"""No event is lost or repeated while the servers, or the whole program, are killed."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from monynha.infra.embedded.stale_processes import find_processes
from tests.journeys.program import SERVE, TIMEOUT_S, Program, stop_and_clean_up
from tests.journeys.realtime_clients import (
    PhoenixRealtimeClient,
    RealtimeClient,
    WatchedProject,
    WsRealtimeClient,
    write_tasks,
)

pytestmark = pytest.mark.anyio

SECRET = "9b1f0c7d52e84a36b0d7c4e81f2a6395"
SETTINGS = {
    "JWT_SECRET": SECRET,
    "MONYNHA_WORKERS": "2",
    # A restart listens on another port; the site address keeps the issuer of the tokens.
    "SITE_URL": "http://monynha.test",
    "MONYNHA_LIMIT_AUTH": "off",
    "MONYNHA_LIMIT_API": "off",
    "LOG_LEVEL": "error",
}
Kill = Callable[[Program], Program]


def kill_valkey(program: Program) -> Program:
    [pid] = find_processes(program.data_dir / "valkey", "valkey-server")
    os.kill(pid, signal.SIGKILL)
    return program


def kill_postgres(program: Program) -> Program:
    os.kill(program.postmaster_pid(), signal.SIGKILL)
    return program


def kill_all(program: Program) -> Program:
    program.kill_group()
    stop_and_clean_up(program)
    return Program(program.data_dir, *SERVE, **SETTINGS).wait_ready()


@asynccontextmanager
async def clients_and_writers(
    project: WatchedProject, acknowledged: dict[str, str], clients: list[RealtimeClient]
) -> AsyncIterator[None]:
    """Run the clients and four writers; a failure of one ends all."""
    async with asyncio.TaskGroup() as group:
        client_tasks = [group.create_task(client.run()) for client in clients]
        for client in clients:
            await client.has_joined.wait()
        writer_tasks = [group.create_task(write_tasks(project, acknowledged)) for _ in range(4)]
        yield
        project.is_stopping = True
        await asyncio.wait(writer_tasks)
        stored_tasks = await project.fetch_tasks()
        await wait_until(
            lambda: all(len(client.tasks) >= len(stored_tasks) and client.tasks == stored_tasks for client in clients),
            timeout_s=30,
        )
        for task in client_tasks:
            task.cancel()


async def wait_until(condition: Callable[[], bool], *, timeout_s: float = TIMEOUT_S) -> None:
    """Wait until the condition holds, at most `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline:
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("kill", [kill_valkey, kill_postgres, kill_all])
async def test_clients_receive_every_event_once(tmp_path: Path, kill: Kill) -> None:
    program = await asyncio.to_thread(Program(tmp_path / "data", *SERVE, **SETTINGS).wait_ready)
    try:
        project = WatchedProject(program.url, SECRET)
        await project.sign_up()
        clients: list[RealtimeClient] = [
            WsRealtimeClient(project),
            WsRealtimeClient(project),
            PhoenixRealtimeClient(project),
            PhoenixRealtimeClient(project),
        ]
        acknowledged: dict[str, str] = {}
        async with clients_and_writers(project, acknowledged, clients):
            await wait_until(lambda: len(acknowledged) > 30)
            acknowledged_before = len(acknowledged)
            program = await asyncio.to_thread(kill, program)
            project.url = program.url
            await wait_until(lambda: len(acknowledged) > acknowledged_before + 30)
        stored_tasks = await project.fetch_tasks()
    finally:
        await asyncio.to_thread(stop_and_clean_up, program)

    assert len(acknowledged) > acknowledged_before + 30
    assert [client.tasks for client in clients] == [stored_tasks] * len(clients)
    # What was not acknowledged may have been written all the same.
    assert acknowledged.keys() <= stored_tasks.keys()
    assert kill is not kill_all or all(client.reconnects >= 1 for client in clients)
