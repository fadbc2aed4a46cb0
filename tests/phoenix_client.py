"""A client of `/realtime/v1/websocket` that shows each Phoenix message."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.live_server import TIMEOUT_S


@dataclass
class PhoenixClient:
    """A client of protocol version 1.0.0."""

    connection: ClientConnection
    count: int = 0

    async def push(self, topic: str, event: str, payload: Any) -> str:
        """Send a message on a topic and return its ref."""
        self.count += 1
        ref = str(self.count)
        await self.connection.send(
            json.dumps({"topic": f"realtime:{topic}", "event": event, "payload": payload, "ref": ref})
        )
        return ref

    async def receive(self, event: str | None = None) -> dict[str, Any]:
        """Return the next message, or the next one of an event."""
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                message: dict[str, Any] = json.loads(await self.connection.recv())
                assert message.keys() == {"topic", "event", "payload", "ref"}
                assert isinstance(message["payload"], dict)
                if event is None or message["event"] == event:
                    return message

    async def join(self, topic: str, token: str, *bindings: Any, **config: Any) -> dict[str, Any]:
        """Join a topic with bindings and return the status and the response of the reply."""
        join_payload = {"config": {"postgres_changes": list(bindings), **config}, "access_token": token}
        ref = await self.push(topic, "phx_join", join_payload)
        reply = await self.receive("phx_reply")
        assert reply["ref"] == ref
        response: dict[str, Any] = {"status": reply["payload"]["status"], **reply["payload"]["response"]}
        return response

    async def receive_change(self) -> dict[str, Any]:
        """Return the data of the next change, with the ids of its bindings."""
        payload = (await self.receive("postgres_changes"))["payload"]
        return {"ids": payload["ids"], **payload["data"]}

    async def receives_no(self, event: str, seconds: float = 0.4) -> bool:
        """Whether no message of an event arrives for a while."""
        try:
            async with asyncio.timeout(seconds):
                while json.loads(await self.connection.recv())["event"] != event:
                    pass
        except TimeoutError:
            return True
        return False


@asynccontextmanager
async def phoenix_client(address: str, api_key: str) -> AsyncIterator[PhoenixClient]:
    """Yield a connected client."""
    async with connect(f"ws://{address}/realtime/v1/websocket?apikey={api_key}&vsn=1.0.0") as connection:
        yield PhoenixClient(connection)


def tasks_binding(**fields: Any) -> dict[str, Any]:
    """Return a binding to all changes of tasks, with further fields."""
    return {"event": "*", "schema": "public", "table": "tasks", **fields}
