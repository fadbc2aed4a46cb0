"""Listeners who come back after whatever happens, and writers who do not stop for it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from monynha.app.commands.keys import make_key
from monynha.engine.position import read_position

_PAUSE_S = 0.05
_AWAY = (OSError, WebSocketException, TimeoutError, httpx.TransportError)


@dataclass
class House:
    """Where the program is at the moment, and whose project is watched there."""

    url: str
    secret: str
    token: str = ""
    project: str = ""
    is_closing: bool = False

    async def sign_up(self) -> None:
        """Sign somebody up, and make their project."""
        async with httpx.AsyncClient(base_url=self.url, timeout=20) as client:
            body = {"email": "ada@example.com", "password": "correct horse battery"}
            self.token = (await client.post("/auth/v1/signup", json=body)).json()["access_token"]
            made = await client.post("/api/v1/projects", json={"name": "P"}, headers=self.headers)
            self.project = made.json()["data"]["id"]

    @property
    def headers(self) -> dict[str, str]:
        """Who is asking."""
        return {"authorization": f"Bearer {self.token}"}

    async def tasks(self) -> dict[str, str]:
        """Return the title of every task by its id, as it is told now."""
        found: dict[str, str] = {}
        cursor: str | None = ""
        async with httpx.AsyncClient(base_url=self.url, headers=self.headers, timeout=20) as client:
            while cursor is not None:
                more = f"&cursor={cursor}" if cursor else ""
                path = f"/api/v1/projects/{self.project}/tasks?limit=100&fields=id,title{more}"
                page = (await client.get(path)).raise_for_status().json()
                found |= {one["id"]: one["title"] for one in page["data"]}
                cursor = page["meta"]["nextCursor"]
        return found


async def write(house: House, acknowledged: dict[str, str]) -> None:
    """Create tasks and change each once, until the house closes; note what was answered."""
    number = 0
    while not house.is_closing:
        try:
            async with httpx.AsyncClient(base_url=house.url, headers=house.headers, timeout=5) as client:
                while not house.is_closing:
                    number += 1
                    path, title = f"/api/v1/projects/{house.project}/tasks", f"new {number}"
                    made = (await client.post(path, json={"title": title})).raise_for_status()
                    key = made.json()["data"]["id"]
                    acknowledged[key] = title
                    changed = await client.put(f"/api/v1/tasks/{key}", json={"title": f"changed {number}"})
                    changed.raise_for_status()
                    acknowledged[key] = f"changed {number}"
        except (*_AWAY, httpx.HTTPStatusError):
            await asyncio.sleep(_PAUSE_S)


@dataclass
class Listener:
    """Somebody who keeps the tasks of the project by what they hear."""

    house: House
    tasks: dict[str, str] = field(default_factory=dict)
    version: int = 0
    returns: int = -1
    has_begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self) -> None:
        """Listen for ever, coming back after each break."""
        while True:
            try:
                async with connect(self.address, open_timeout=5, ping_interval=None) as line:
                    await self.begin(line)
                    self.returns += 1
                    self.has_begun.set()
                    async for text in line:
                        self.take(json.loads(text))
            except _AWAY:
                pass
            await asyncio.sleep(_PAUSE_S)

    def reach(self, version: int, key: str, title: str) -> None:
        """Take a change: the next one and no other."""
        assert self.version + 1 == version, "gapless, in order, and once"
        self.version = version
        self.tasks[key] = title

    @property
    def address(self) -> str:
        """The address of the socket."""
        raise NotImplementedError

    async def begin(self, line: ClientConnection) -> None:
        """Come in, or back; TimeoutError where it is not possible now."""
        raise NotImplementedError

    def take(self, said: Any) -> None:
        """Take a message."""
        raise NotImplementedError


class OnSocket(Listener):
    """Over `/ws`, coming back with `resume`."""

    @property
    def address(self) -> str:
        return f"{self.house.url.replace('http', 'ws')}/ws?token={self.house.token}"

    async def begin(self, line: ClientConnection) -> None:
        known = {"type": "resume", "version": self.version} if self.version else {"type": "join"}
        await line.send(json.dumps({**known, "projectId": self.house.project}))
        while (said := json.loads(await line.recv()))["type"] not in ("joined", "resumed"):
            if said["type"] == "error":
                raise TimeoutError
            assert "ready" == said["type"], said
        if not self.version:
            self.version = said["version"]

    def take(self, said: Any) -> None:
        self.reach(said["version"], said["taskId"], said["task"]["title"])


class OnPhoenix(Listener):
    """Over `/realtime/v1/websocket`, coming back with `config.since`."""

    position: str | None = None

    @property
    def address(self) -> str:
        key = make_key("anon", self.house.secret)
        return f"{self.house.url.replace('http', 'ws')}/realtime/v1/websocket?apikey={key}&vsn=2.0.0"

    async def begin(self, line: ClientConnection) -> None:
        narrowed = f"project_id=eq.{self.house.project}"
        binding = {"event": "*", "schema": "public", "table": "tasks", "filter": narrowed}
        since = {} if self.position is None else {"since": self.position}
        config = {"config": {"postgres_changes": [binding], **since}, "access_token": self.house.token}
        await line.send(json.dumps(["1", "1", "realtime:tasks", "phx_join", config]))
        *_, event, payload = json.loads(await line.recv())
        assert "phx_reply" == event
        if payload["status"] != "ok":
            raise TimeoutError
        if self.position is None:
            self.position = payload["response"]["position"]
            self.version = self._version(self.position)
        else:
            assert payload["response"]["resumed"] is True

    def take(self, said: Any) -> None:
        *_, event, payload = said
        if event == "postgres_changes":
            self.position = payload["data"]["position"]
            record = payload["data"]["record"]
            self.reach(self._version(self.position), record["id"], record["title"])

    def _version(self, position: str) -> int:
        return next(
            version for stream, version in read_position(position).items() if stream.kind == "project"
        )
