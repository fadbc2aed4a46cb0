"""The running program as those with sockets meet it: several processes, and an orderly end."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.journeys.program import Program, end

pytestmark = pytest.mark.anyio

SERVE = (sys.executable, "-m", "monynha.app.cli", "serve")


class Person:
    """Somebody who signed up."""

    def __init__(self, url: str) -> None:
        body = {"email": f"{uuid4().hex}@example.com", "password": "correct horse battery"}
        answer = httpx.post(f"{url}/auth/v1/signup", json=body, timeout=20).json()
        self.token, self.id = answer["access_token"], answer["user"]["id"]
        self.url = url

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the API."""
        headers = {"authorization": f"Bearer {self.token}"}
        answer = httpx.request(method, f"{self.url}/api/v1{path}", json=body, headers=headers, timeout=20)
        assert answer.status_code < 300, answer.text
        return answer.json()["data"] if answer.content else None

    def socket(self, url: str = "") -> connect:
        """Open a signed-in socket of `/ws`."""
        return connect(f"{(url or self.url).replace('http', 'ws')}/ws?token={self.token}")


async def hear(line: ClientConnection, kind: str) -> dict[str, Any]:
    """Return the next message of that type."""
    async with asyncio.timeout(10):
        while True:
            said: dict[str, Any] = json.loads(await line.recv())
            if said["type"] == kind:
                return said


async def join(line: ClientConnection, project: str) -> int:
    """Join a project."""
    await line.send(json.dumps({"type": "join", "projectId": project}))
    version: int = (await hear(line, "joined"))["version"]
    return version


async def test_several_processes_are_one(tmp_path: Path) -> None:
    program = Program(tmp_path / "data", *SERVE, MONYNHA_WORKERS="2", LOG_LEVEL="error").wait_ready()
    try:
        ada, bob = Person(program.url), Person(program.url)
        project = ada.ask("POST", "/projects", {"name": "P"})["id"]
        ada.ask("POST", f"/projects/{project}/members", {"userId": bob.id})
        hers = [await ada.socket() for _ in range(4)]
        his = [await bob.socket() for _ in range(4)]
        for line in (*hers, *his):
            await join(line, project)
        started = time.monotonic()
        task = await asyncio.to_thread(ada.ask, "POST", f"/projects/{project}/tasks", {"title": "T"})
        heard = [(await hear(line, "task_created"))["task"]["id"] for line in (*hers, *his)]
        heard_s = time.monotonic() - started
        await his[0].send(json.dumps({"type": "cursor_position", "position": {"x": 1}}))
        cursors = [(await hear(line, "cursor_update"))["userId"] for line in hers]
        started = time.monotonic()
        await asyncio.to_thread(ada.ask, "DELETE", f"/projects/{project}/members/{bob.id}")
        for line in his:
            await hear(line, "removed")
        removed_s = time.monotonic() - started
        for line in (*hers, *his):
            await line.close()

        assert [task["id"]] * 8 == heard
        assert [bob.id] * 4 == cursors
        assert heard_s < 2
        assert removed_s < 2
    finally:
        end(program)


async def test_an_orderly_stop_tells_sockets_and_ends_streams(tmp_path: Path) -> None:
    program = Program(tmp_path / "data", *SERVE, LOG_LEVEL="error").wait_ready()
    try:
        ada = Person(program.url)
        project = ada.ask("POST", "/projects", {"name": "P"})["id"]
        line = await ada.socket()
        await join(line, project)
        headers = {"authorization": f"Bearer {ada.token}"}
        async with (
            httpx.AsyncClient() as client,
            client.stream(
                "GET", f"{program.url}/api/v1/projects/{project}/events", headers=headers
            ) as answer,
        ):
            reading = asyncio.create_task(answer.aread())
            started = time.monotonic()
            code = await asyncio.to_thread(program.stop)
            with pytest.raises(ConnectionClosed):
                await line.recv()
            await reading

        assert 0 == code
        assert 1001 == line.close_code
        assert time.monotonic() - started < 8
    finally:
        end(program)
