"""Realtime clients that reconnect after every failure, and a writer that goes on through them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from monynha.app.commands.keys import make_key
from monynha.engine.realtime.resume_token import decode_resume_token

_RETRY_INTERVAL_S = 0.05
_CONNECTION_ERRORS = (OSError, WebSocketException, TimeoutError, httpx.TransportError)


@dataclass
class WatchedProject:
    """The project that all clients watch, and the URL of the program at the moment."""

    url: str
    secret: str
    token: str = ""
    project: str = ""
    is_stopping: bool = False

    async def sign_up(self) -> None:
        """Sign a user up, and create a project."""
        async with httpx.AsyncClient(base_url=self.url, timeout=20) as client:
            body = {"email": "ada@example.com", "password": "correct horse battery"}
            self.token = (await client.post("/auth/v1/signup", json=body)).json()["access_token"]
            response = await client.post("/api/v1/projects", json={"name": "P"}, headers=self.headers)
            self.project = response.json()["data"]["id"]

    @property
    def headers(self) -> dict[str, str]:
        """The headers that authenticate the user."""
        return {"authorization": f"Bearer {self.token}"}

    async def fetch_tasks(self) -> dict[str, str]:
        """Return the current title of every task by its id."""
        titles: dict[str, str] = {}
        cursor: str | None = ""
        async with httpx.AsyncClient(base_url=self.url, headers=self.headers, timeout=20) as client:
            while cursor is not None:
                cursor_param = f"&cursor={cursor}" if cursor else ""
                path = f"/api/v1/projects/{self.project}/tasks?limit=100&fields=id,title{cursor_param}"
                page = (await client.get(path)).raise_for_status().json()
                titles |= {task["id"]: task["title"] for task in page["data"]}
                cursor = page["meta"]["nextCursor"]
        return titles


async def write_tasks(project: WatchedProject, acknowledged: dict[str, str]) -> None:
    """Create tasks and change each once, until the test is stopping; record what was acknowledged."""
    count = 0
    while not project.is_stopping:
        try:
            async with httpx.AsyncClient(base_url=project.url, headers=project.headers, timeout=5) as client:
                while not project.is_stopping:
                    count += 1
                    path, title = f"/api/v1/projects/{project.project}/tasks", f"new {count}"
                    response = (await client.post(path, json={"title": title})).raise_for_status()
                    task_id = response.json()["data"]["id"]
                    acknowledged[task_id] = title
                    update = await client.put(f"/api/v1/tasks/{task_id}", json={"title": f"changed {count}"})
                    update.raise_for_status()
                    acknowledged[task_id] = f"changed {count}"
        except (*_CONNECTION_ERRORS, httpx.HTTPStatusError):
            await asyncio.sleep(_RETRY_INTERVAL_S)


@dataclass
class RealtimeClient:
    """A client that keeps a copy of the tasks of the project from the events it receives."""

    project: WatchedProject
    tasks: dict[str, str] = field(default_factory=dict)
    version: int = 0
    reconnects: int = -1
    has_joined: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Receive events until cancelled, reconnecting after each failure."""
        while True:
            try:
                async with connect(self.url, open_timeout=5, ping_interval=None) as connection:
                    await self.join(connection)
                    self.reconnects += 1
                    self.has_joined.set()
                    async for text in connection:
                        self.on_message(json.loads(text))
            except _CONNECTION_ERRORS:
                pass
            await asyncio.sleep(_RETRY_INTERVAL_S)

    def apply_change(self, version: int, task_id: str, title: str) -> None:
        """Apply a change, which must have the next version."""
        assert version == self.version + 1, "gapless, in order, and once"
        self.version = version
        self.tasks[task_id] = title

    @property
    def url(self) -> str:
        """The URL of the socket."""
        raise NotImplementedError

    async def join(self, connection: ClientConnection) -> None:
        """Join the project, or resume; raise TimeoutError if that is not possible at the moment."""
        raise NotImplementedError

    def on_message(self, message: Any) -> None:
        """Handle a message."""
        raise NotImplementedError


class WsRealtimeClient(RealtimeClient):
    """Uses `/ws`, and reconnects with `resume`."""

    @property
    def url(self) -> str:
        return f"{self.project.url.replace('http', 'ws')}/ws?token={self.project.token}"

    async def join(self, connection: ClientConnection) -> None:
        request = {"type": "resume", "version": self.version} if self.version else {"type": "join"}
        await connection.send(json.dumps({**request, "projectId": self.project.project}))
        while (message := json.loads(await connection.recv()))["type"] not in ("joined", "resumed"):
            if message["type"] == "error":
                raise TimeoutError
            assert message["type"] == "ready", message
        if not self.version:
            self.version = message["version"]

    def on_message(self, message: Any) -> None:
        self.apply_change(message["version"], message["taskId"], message["task"]["title"])


class PhoenixRealtimeClient(RealtimeClient):
    """Uses `/realtime/v1/websocket`, and reconnects with `config.since`."""

    resume_token: str | None = None

    @property
    def url(self) -> str:
        key = make_key("anon", self.project.secret)
        return f"{self.project.url.replace('http', 'ws')}/realtime/v1/websocket?apikey={key}&vsn=2.0.0"

    async def join(self, connection: ClientConnection) -> None:
        tasks_of_project = f"project_id=eq.{self.project.project}"
        binding = {"event": "*", "schema": "public", "table": "tasks", "filter": tasks_of_project}
        since = {} if self.resume_token is None else {"since": self.resume_token}
        config = {"config": {"postgres_changes": [binding], **since}, "access_token": self.project.token}
        await connection.send(json.dumps(["1", "1", "realtime:tasks", "phx_join", config]))
        *_, event, payload = json.loads(await connection.recv())
        assert event == "phx_reply"
        if payload["status"] != "ok":
            raise TimeoutError
        if self.resume_token is None:
            self.resume_token = payload["response"]["resumeToken"]
            self.version = self._version(self.resume_token)
        else:
            assert payload["response"]["resumed"] is True

    def on_message(self, message: Any) -> None:
        *_, event, payload = message
        if event == "postgres_changes":
            self.resume_token = payload["data"]["resumeToken"]
            record = payload["data"]["record"]
            self.apply_change(self._version(self.resume_token), record["id"], record["title"])

    def _version(self, resume_token: str) -> int:
        return next(
            version for stream, version in decode_resume_token(resume_token).items() if stream.kind == "project"
        )
