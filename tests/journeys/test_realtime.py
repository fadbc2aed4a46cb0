"""Sockets of the running program: events between several processes, and the end of a stop."""

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

from tests.conditions import SOON_S, TIMEOUT_S
from tests.journeys.program import Program, stop_and_clean_up

pytestmark = pytest.mark.anyio

SERVE = (sys.executable, "-m", "monynha.app.cli", "serve")


class SignedUpUser:
    """A user who signed up."""

    def __init__(self, url: str) -> None:
        body = {"email": f"{uuid4().hex}@example.com", "password": "correct horse battery"}
        session = httpx.post(f"{url}/auth/v1/signup", json=body, timeout=20).json()
        self.token, self.id = session["access_token"], session["user"]["id"]
        self.url = url

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request to the API, and return its data."""
        headers = {"authorization": f"Bearer {self.token}"}
        response = httpx.request(method, f"{self.url}/api/v1{path}", json=body, headers=headers, timeout=20)
        assert response.status_code < 300, response.text
        return response.json()["data"] if response.content else None

    def connect_ws(self, url: str = "") -> connect:
        """Open a signed-in socket of `/ws`."""
        return connect(f"{(url or self.url).replace('http', 'ws')}/ws?token={self.token}")


async def receive(connection: ClientConnection, message_type: str) -> dict[str, Any]:
    """Return the next message of that type, skipping others."""
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            message: dict[str, Any] = json.loads(await connection.recv())
            if message["type"] == message_type:
                return message


async def join(connection: ClientConnection, project: str) -> int:
    """Join a project, and return its version."""
    await connection.send(json.dumps({"type": "join", "projectId": project}))
    version: int = (await receive(connection, "joined"))["version"]
    return version


async def test_events_reach_the_sockets_of_every_process(tmp_path: Path) -> None:
    program = Program(tmp_path / "data", *SERVE, MONYNHA_WORKERS="2", LOG_LEVEL="error").wait_ready()
    try:
        owner, member = SignedUpUser(program.url), SignedUpUser(program.url)
        project = owner.request("POST", "/projects", {"name": "P"})["id"]
        owner.request("POST", f"/projects/{project}/members", {"userId": member.id})
        owner_connections = [await owner.connect_ws() for _ in range(4)]
        member_connections = [await member.connect_ws() for _ in range(4)]
        for connection in (*owner_connections, *member_connections):
            await join(connection, project)
        started = time.monotonic()
        task = await asyncio.to_thread(owner.request, "POST", f"/projects/{project}/tasks", {"title": "T"})
        received_ids = [
            (await receive(line, "task_created"))["task"]["id"] for line in (*owner_connections, *member_connections)
        ]
        delivery_s = time.monotonic() - started
        await member_connections[0].send(json.dumps({"type": "cursor_position", "position": {"x": 1}}))
        cursor_user_ids = [(await receive(line, "cursor_update"))["userId"] for line in owner_connections]
        started = time.monotonic()
        await asyncio.to_thread(owner.request, "DELETE", f"/projects/{project}/members/{member.id}")
        for connection in member_connections:
            await receive(connection, "removed")
        removed_s = time.monotonic() - started
        for connection in (*owner_connections, *member_connections):
            await connection.close()

        assert received_ids == [task["id"]] * 8
        assert cursor_user_ids == [member.id] * 4
        assert delivery_s < SOON_S
        assert removed_s < SOON_S
    finally:
        stop_and_clean_up(program)


async def test_stop_closes_sockets_and_ends_event_streams(tmp_path: Path) -> None:
    program = Program(tmp_path / "data", *SERVE, LOG_LEVEL="error").wait_ready()
    try:
        user = SignedUpUser(program.url)
        project = user.request("POST", "/projects", {"name": "P"})["id"]
        connection = await user.connect_ws()
        await join(connection, project)
        headers = {"authorization": f"Bearer {user.token}"}
        async with (
            httpx.AsyncClient(timeout=20) as client,
            client.stream("GET", f"{program.url}/api/v1/projects/{project}/events", headers=headers) as response,
        ):
            read_task = asyncio.create_task(response.aread())
            started = time.monotonic()
            exit_code = await asyncio.to_thread(program.stop)
            with pytest.raises(ConnectionClosed):
                await connection.recv()
            await read_task

        assert exit_code == 0
        assert connection.close_code == 1001
        assert time.monotonic() - started < 8
    finally:
        stop_and_clean_up(program)
