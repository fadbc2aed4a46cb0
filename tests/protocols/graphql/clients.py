"""Minimal clients of `graphql-transport-ws` and graphql-sse, which show every message."""

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

from tests.live_server import TIMEOUT_S
from tests.users import ApiUser

PROTOCOL = Subprotocol("graphql-transport-ws")
TASK_CHANGED = """
subscription ($id: ID!, $since: String) {
  taskChanged(projectId: $id, since: $since) { action id title status tags assigneeId resumeToken }
}
"""
TASK_CHANGED_WITH_RELATIONS = """
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
class GraphQLWsClient:
    """A WebSocket that speaks `graphql-transport-ws`."""

    connection: ClientConnection
    count: int = 0
    buffered: deque[dict[str, Any]] = field(default_factory=deque)

    async def send(self, message_type: str, **members: Any) -> None:
        """Send a message."""
        await self.connection.send(json.dumps({"type": message_type, **members}))

    async def receive(self, message_type: str | None = None) -> dict[str, Any]:
        """Return the next message, which must have that type."""
        message = self.buffered.popleft() if self.buffered else await self._receive_message()
        assert message_type is None or message["type"] == message_type, message
        return message

    async def _receive_message(self) -> dict[str, Any]:
        async with asyncio.timeout(TIMEOUT_S):
            message: dict[str, Any] = json.loads(await self.connection.recv())
        return message

    async def init(self, payload: Any = None) -> None:
        """Send `connection_init` and await the acknowledgement."""
        await self.send("connection_init", **({} if payload is None else {"payload": payload}))
        assert await self.receive() == {"type": "connection_ack"}

    async def subscribe(self, query: str, variables: Any = None) -> str:
        """Send an operation and return its id."""
        self.count += 1
        id = str(self.count)
        await self.send("subscribe", id=id, payload={"query": query, "variables": variables})
        return id

    async def start_subscription(self, query: str, variables: Any = None) -> str:
        """Send a subscription and return its id once it is active."""
        id = await self.subscribe(query, variables)
        await self.wait_until_started()
        return id

    async def wait_until_started(self) -> None:
        """Wait until all subscriptions sent are active: a later operation runs after them."""
        id = await self.subscribe("{ __typename }")
        while (message := await self._receive_message()).get("id") != id or message["type"] == "next":
            if message.get("id") != id:
                self.buffered.append(message)

    async def next_result(self) -> Any:
        """Return the root field of the next result."""
        message = await self.receive("next")
        assert "errors" not in message["payload"], message
        (data,) = message["payload"]["data"].values()
        return data

    async def next_error_codes(self) -> list[str]:
        """Return the error codes of the next message, which must be an error."""
        message = await self.receive("error")
        return [error["extensions"]["code"] for error in message["payload"]]

    async def receives_nothing(self, seconds: float = 0.3) -> bool:
        """Whether no message arrives for a while."""
        assert not self.buffered
        try:
            async with asyncio.timeout(seconds):
                message = await self.connection.recv()
        except TimeoutError:
            return True
        raise AssertionError(message)

    async def receive_until_closed(self) -> list[dict[str, Any]]:
        """Return all messages until the server closes."""
        messages = []
        with suppress(ConnectionClosed):
            while True:
                messages.append(await self.receive())
        return messages

    async def wait_closed(self, seconds: float = TIMEOUT_S) -> tuple[int, str]:
        """Return the server's close code and reason."""
        async with asyncio.timeout(seconds):
            await self.connection.wait_closed()
        return self.connection.close_code or 0, self.connection.close_reason or ""


@asynccontextmanager
async def unauthenticated_client(address: str, **options: Any) -> AsyncIterator[GraphQLWsClient]:
    """Open a socket that has sent nothing yet."""
    options = {"subprotocols": [PROTOCOL], **options}
    async with connect(f"ws://{address}/graphql", **options) as connection:
        yield GraphQLWsClient(connection)


@asynccontextmanager
async def ws_client(address: str, user: ApiUser) -> AsyncIterator[GraphQLWsClient]:
    """Open a signed-in socket."""
    async with unauthenticated_client(address) as client:
        await client.init({"Authorization": f"Bearer {user.token}"} if user.token else None)
        yield client


def project_variables(project: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that name a project."""
    return {"id": project["id"]}


@asynccontextmanager
async def subscribed_client(
    address: str, user: ApiUser, query: str, project: Mapping[str, Any]
) -> AsyncIterator[GraphQLWsClient]:
    """Open a signed-in socket that is subscribed to a project."""
    async with ws_client(address, user) as client:
        await client.start_subscription(query, project_variables(project))
        yield client


@dataclass
class SseReader:
    """Reads an event stream."""

    response: httpx.Response
    lines: AsyncIterator[str] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = self.response.aiter_lines()

    async def next_event(self) -> tuple[str, Any]:
        """Return the name and the data of the next event."""
        name = ""
        async with asyncio.timeout(TIMEOUT_S):
            async for text in self.lines:
                if text.startswith("event: "):
                    name = text.removeprefix("event: ")
                elif text.startswith("data:") and name:
                    data = text.removeprefix("data:").strip()
                    return name, json.loads(data) if data else None
        raise AssertionError("the stream ended")


@asynccontextmanager
async def sse_reader(address: str, user: ApiUser, query: str, variables: Any = None) -> AsyncIterator[SseReader]:
    """Open an event stream."""
    auth_headers = {"authorization": f"Bearer {user.token}"} if user.token else {}
    headers = {**auth_headers, "accept": "text/event-stream"}
    body = {"query": query, "variables": variables}
    async with (
        httpx.AsyncClient(timeout=10) as client,
        client.stream("POST", f"http://{address}/graphql", json=body, headers=headers) as response,
    ):
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"] == "text/event-stream"
        yield SseReader(response)
