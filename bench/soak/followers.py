"""Subscribers of a project that check every version, hang up by themselves and resume where they were."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from bench.soak.http_client import Address, encode_request, read_event_stream, read_head
from bench.soak.journal import Change, Subscription
from bench.soak.readers import CONNECTION_ERRORS
from bench.soak.results import Results
from bench.soak.workspace import Project

_CONNECTED_S = (5.0, 20.0)
"""Between which durations a subscriber hangs up."""
_PAUSE_SHARE, _PAUSE_S = 0.002, 2.0
"""The share of events after which a subscriber reads nothing for a while."""
_TIMEOUT_S = 30.0
_RETRY_PAUSE_S = 1.0


@dataclass
class Follower:
    """A subscriber of a project."""

    address: Address
    project: Project
    token: str
    subscription: Subscription
    results: Results
    rng: Random

    async def run(self) -> None:
        """Receive events until cancelled."""
        while True:
            try:
                await self._receive_for(self.rng.uniform(*_CONNECTED_S))
            except (*CONNECTION_ERRORS, WebSocketException) as error:
                self._report(f"lost its connection: {type(error).__name__} {error}")
                await asyncio.sleep(_RETRY_PAUSE_S)
            await asyncio.sleep(self.rng.uniform(0, 1))

    async def _receive_for(self, seconds: float) -> None:
        """Resume, receive events for a while, and hang up."""
        raise NotImplementedError

    async def _on_event(self, event: Any) -> None:
        self.results.events += 1
        # The row of a deletion has the last title, which an update has had already.
        title = "" if event["type"] == "task_deleted" else event["task"]["title"]
        change = Change(event["type"], event["taskId"], title)
        if problem := self.subscription.receive(event["version"], change):
            self._report(problem)
        if self.rng.random() < _PAUSE_SHARE:
            await asyncio.sleep(_PAUSE_S)

    def _report(self, problem: str) -> None:
        self.results.problems[f"{type(self).__name__}: {problem}"] += 1


class SocketFollower(Follower):
    """Uses `/ws`."""

    async def _receive_for(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        async with open_socket(self.address, self.token) as socket:
            request = {"type": "resume", "projectId": self.project.id, "version": self.subscription.version}
            await socket.send(json.dumps(request))
            ends_at = loop.time() + seconds
            while (remaining_s := ends_at - loop.time()) > 0:
                try:
                    message = json.loads(await asyncio.wait_for(socket.recv(), remaining_s))
                except TimeoutError:
                    break
                if "taskId" in message:
                    await self._on_event(message)
                elif message["type"] != "resumed":
                    self._report(f"got {message}")
            if self.rng.random() < 0.5:
                socket.transport.abort()


class StreamFollower(Follower):
    """Uses the event stream of the project."""

    async def _receive_for(self, seconds: float) -> None:
        reader, writer = await self.address.connect()
        try:
            path = f"/api/v1/projects/{self.project.id}/events?since={self.subscription.version}"
            writer.write(encode_request("GET", path, self.token))
            status, _ = await asyncio.wait_for(read_head(reader), _TIMEOUT_S)
            if status != 200:
                self._report(f"was answered with {status}")
                return
            async with aclosing(read_event_stream(reader)) as events:
                try:
                    async with asyncio.timeout(seconds) as limit:
                        async for fields in events:
                            await self._on_fields(fields)
                        self._report("reached the end of its stream")
                except TimeoutError:
                    if not limit.expired():
                        raise
        finally:
            writer.transport.abort()

    async def _on_fields(self, fields: dict[str, str]) -> None:
        if fields.get("event", "").startswith("task_"):
            await self._on_event(json.loads(fields["data"]))
        elif "event" in fields:
            self._report(f"got {fields}")


@asynccontextmanager
async def open_socket(address: Address, token: str) -> AsyncIterator[ClientConnection]:
    """Open a WebSocket that has authenticated."""
    url, headers = f"ws://{address.host}:{address.port}/ws", {"authorization": f"Bearer {token}"}
    async with connect(url, additional_headers=headers, open_timeout=_TIMEOUT_S, ping_interval=None) as socket:
        ready = json.loads(await asyncio.wait_for(socket.recv(), _TIMEOUT_S))
        if ready["type"] != "ready":
            raise ConnectionError(f"instead of ready came {ready}")
        yield socket


async def fetch_version(address: Address, project: Project) -> int:
    """Return the current version of a project."""
    async with open_socket(address, project.tokens[0]) as socket:
        await socket.send(json.dumps({"type": "join", "projectId": project.id}))
        joined = json.loads(await asyncio.wait_for(socket.recv(), _TIMEOUT_S))
        if joined["type"] != "joined":
            raise ConnectionError(f"instead of joined came {joined}")
        version: int = joined["version"]
        return version
