"""Sockets of `/realtime/v1/websocket`, spoken to message by message."""

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
    """A socket that speaks 1.0.0."""

    connection: ClientConnection
    count: int = 0

    async def push(self, topic: str, event: str, payload: Any) -> str:
        """Say something and return its ref."""
        self.count += 1
        ref = str(self.count)
        await self.connection.send(
            json.dumps({"topic": f"realtime:{topic}", "event": event, "payload": payload, "ref": ref})
        )
        return ref

    async def receive(self, event: str | None = None) -> dict[str, Any]:
        """Return the next message, or the next of an event."""
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                message: dict[str, Any] = json.loads(await self.connection.recv())
                assert message.keys() == {"topic", "event", "payload", "ref"}
                assert isinstance(message["payload"], dict)
                if event is None or message["event"] == event:
                    return message

    async def join(self, topic: str, token: str, *changes: Any, **config: Any) -> dict[str, Any]:
        """Join and return the answer's response."""
        join_payload = {"config": {"postgres_changes": list(changes), **config}, "access_token": token}
        ref = await self.push(topic, "phx_join", join_payload)
        reply = await self.receive("phx_reply")
        assert ref == reply["ref"]
        response: dict[str, Any] = {"status": reply["payload"]["status"], **reply["payload"]["response"]}
        return response

    async def receive_change(self) -> dict[str, Any]:
        """Return the next change's data, with its ids."""
        payload = (await self.receive("postgres_changes"))["payload"]
        return {"ids": payload["ids"], **payload["data"]}

    async def receives_no(self, event: str, seconds: float = 0.4) -> bool:
        """Whether no such message comes for a while."""
        try:
            async with asyncio.timeout(seconds):
                while json.loads(await self.connection.recv())["event"] != event:
                    pass
        except TimeoutError:
            return True
        return False


@asynccontextmanager
async def phoenix_client(address: str, key: str) -> AsyncIterator[PhoenixClient]:
    """Open a socket."""
    async with connect(f"ws://{address}/realtime/v1/websocket?apikey={key}&vsn=1.0.0") as connection:
        yield PhoenixClient(connection)


def tasks_binding(**fields: Any) -> dict[str, Any]:
    return {"event": "*", "schema": "public", "table": "tasks", **fields}
