"""Sockets of `/realtime/v1/websocket`, spoken to message by message."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.live import PATIENCE_S


@dataclass
class Phoenix:
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

    async def hear(self, event: str | None = None) -> dict[str, Any]:
        """Return the next message, or the next of an event."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                message: dict[str, Any] = json.loads(await self.connection.recv())
                assert {"topic", "event", "payload", "ref"} == message.keys()
                assert isinstance(message["payload"], dict)
                if event is None or message["event"] == event:
                    return message

    async def join(self, topic: str, token: str, *changes: Any, **config: Any) -> dict[str, Any]:
        """Join and return the answer's response."""
        given = {"config": {"postgres_changes": list(changes), **config}, "access_token": token}
        ref = await self.push(topic, "phx_join", given)
        answer = await self.hear("phx_reply")
        assert ref == answer["ref"]
        response: dict[str, Any] = {"status": answer["payload"]["status"], **answer["payload"]["response"]}
        return response

    async def change(self) -> dict[str, Any]:
        """Return the next change's data, with its ids."""
        payload = (await self.hear("postgres_changes"))["payload"]
        return {"ids": payload["ids"], **payload["data"]}

    async def hears_no(self, event: str, seconds: float = 0.4) -> bool:
        """Whether no such message comes for a while."""
        try:
            async with asyncio.timeout(seconds):
                while json.loads(await self.connection.recv())["event"] != event:
                    pass
        except TimeoutError:
            return True
        return False


@asynccontextmanager
async def phoenix(address: str, key: str) -> AsyncIterator[Phoenix]:
    """Open a socket."""
    async with connect(f"ws://{address}/realtime/v1/websocket?apikey={key}&vsn=1.0.0") as connection:
        yield Phoenix(connection)


def tasks(**more: Any) -> dict[str, Any]:
    return {"event": "*", "schema": "public", "table": "tasks", **more}
