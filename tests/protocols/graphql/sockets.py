"""Sockets and event streams of GraphQL, as tests open them: the protocol itself, with no client between."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.live import PATIENCE_S
from tests.people import Person

PROTOCOL = Subprotocol("graphql-transport-ws")
TASKS = """
subscription ($id: ID!, $since: String) {
  taskChanged(projectId: $id, since: $since) { action id title status tags assigneeId position }
}
"""
WITH_WAYS = """
subscription ($id: ID!) {
  taskChanged(projectId: $id) {
    __typename
    what: action
    title
    assignee { name }
    task { ...Whole }
    changedBy { name }
    gone: task { id }
  }
}
fragment Whole on Task { title project { name tasks(limit: 5) { title } } }
"""


@dataclass
class Line:
    """A socket of GraphQL."""

    connection: ClientConnection
    count: int = 0
    kept: deque[dict[str, Any]] = field(default_factory=deque)

    async def say(self, kind: str, **rest: Any) -> None:
        """Send a message."""
        await self.connection.send(json.dumps({"type": kind, **rest}))

    async def hear(self, kind: str | None = None) -> dict[str, Any]:
        """Return the next message, which must be of that type."""
        message = self.kept.popleft() if self.kept else await self._receive()
        assert kind is None or message["type"] == kind, message
        return message

    async def _receive(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            message: dict[str, Any] = json.loads(await self.connection.recv())
        return message

    async def begin(self, payload: Any = None) -> None:
        """Sign in."""
        await self.say("connection_init", **({} if payload is None else {"payload": payload}))
        assert {"type": "connection_ack"} == await self.hear()

    async def subscribe(self, query: str, variables: Any = None) -> str:
        """Send an operation and return its id."""
        self.count += 1
        id = str(self.count)
        await self.say("subscribe", id=id, payload={"query": query, "variables": variables})
        return id

    async def listen(self, query: str, variables: Any = None) -> str:
        """Send a subscription and return its id once it listens."""
        id = await self.subscribe(query, variables)
        await self.settled()
        return id

    async def settled(self) -> None:
        """Return once all that was sent listens: nothing says so, but what is asked later is asked then."""
        id = await self.subscribe("{ __typename }")
        while (message := await self._receive()).get("id") != id or message["type"] == "next":
            if message.get("id") != id:
                self.kept.append(message)

    async def next(self) -> Any:
        """Return what the next answer holds."""
        message = await self.hear("next")
        assert "errors" not in message["payload"], message
        (data,) = message["payload"]["data"].values()
        return data

    async def error(self) -> list[str]:
        """Return the codes of the next message, which must be an error."""
        message = await self.hear("error")
        return [one["extensions"]["code"] for one in message["payload"]]

    async def hears_nothing(self, seconds: float = 0.3) -> bool:
        """Whether nothing comes for a while."""
        assert not self.kept
        try:
            async with asyncio.timeout(seconds):
                message = await self.connection.recv()
        except TimeoutError:
            return True
        raise AssertionError(message)

    async def drained(self) -> list[dict[str, Any]]:
        """Return all that is still heard until the other side closes."""
        found = []
        with suppress(ConnectionClosed):
            while True:
                found.append(await self.hear())
        return found

    async def closed(self, seconds: float = PATIENCE_S) -> tuple[int, str]:
        """Return how the other side closed."""
        async with asyncio.timeout(seconds):
            await self.connection.wait_closed()
        return self.connection.close_code or 0, self.connection.close_reason or ""


@asynccontextmanager
async def raw_line(address: str, **options: Any) -> AsyncIterator[Line]:
    """Return a socket that has said nothing yet."""
    options = {"subprotocols": [PROTOCOL], **options}
    async with connect(f"ws://{address}/graphql", **options) as connection:
        yield Line(connection)


@asynccontextmanager
async def line(address: str, person: Person) -> AsyncIterator[Line]:
    """Return a signed-in socket."""
    async with raw_line(address) as found:
        await found.begin({"Authorization": f"Bearer {person.token}"} if person.token else None)
        yield found


def of(project: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that name a project."""
    return {"id": project["id"]}


@asynccontextmanager
async def hearing(
    address: str, person: Person, query: str, project: Mapping[str, Any]
) -> AsyncIterator[Line]:
    """Return a signed-in socket that listens to a project."""
    async with line(address, person) as found:
        await found.listen(query, of(project))
        yield found


@dataclass
class Reader:
    """Reads an event stream."""

    answer: httpx.Response
    lines: AsyncIterator[str] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = self.answer.aiter_lines()

    async def next(self) -> tuple[str, Any]:
        """Return the next event: its name and what it holds."""
        name = ""
        async with asyncio.timeout(PATIENCE_S):
            async for text in self.lines:
                if text.startswith("event: "):
                    name = text.removeprefix("event: ")
                elif text.startswith("data:") and name:
                    data = text.removeprefix("data:").strip()
                    return name, json.loads(data) if data else None
        raise AssertionError("the answer ended")


@asynccontextmanager
async def reading(address: str, person: Person, query: str, variables: Any = None) -> AsyncIterator[Reader]:
    """Open an event stream."""
    known = {"authorization": f"Bearer {person.token}"} if person.token else {}
    headers = {**known, "accept": "text/event-stream"}
    body = {"query": query, "variables": variables}
    async with (
        httpx.AsyncClient(timeout=10) as client,
        client.stream("POST", f"http://{address}/graphql", json=body, headers=headers) as answer,
    ):
        assert 200 == answer.status_code, await answer.aread()
        assert "text/event-stream" == answer.headers["content-type"]
        yield Reader(answer)
