"""Subscribe to the events of a project over each transport: rows of the rights matrix."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.asyncio.client import connect

from tests.laws.rights_rows import RightsScene
from tests.live_server import TIMEOUT_S
from tests.phoenix_client import phoenix_client, tasks_binding
from tests.protocols.graphql.clients import TASK_CHANGED, ws_client

RECEIVES, NOTHING = "receives events", "receives nothing"
_QUIET_S = 0.4


@dataclass(frozen=True)
class Endpoint:
    """The host and port of the application, and the anon key."""

    address: str
    anon_key: str


ObserveStream = Callable[[Endpoint, RightsScene], Awaitable[str]]
"""Subscribe as the actor, let the owner create a task, and return what the actor received."""


async def _by_event_stream(endpoint: Endpoint, scene: RightsScene) -> str:
    headers = {"authorization": f"Bearer {scene.actor.token}"} if scene.actor.token else {}
    path = f"http://{endpoint.address}/api/v1{scene.team.path}/events"
    async with (
        httpx.AsyncClient(timeout=TIMEOUT_S) as client,
        client.stream("GET", path, headers=headers) as response,
    ):
        if response.status_code != 200:
            return str(response.status_code)
        lines = response.aiter_lines()
        await anext(lines)
        task = await scene.team.owner.create_task(scene.team.project)
        async with asyncio.timeout(TIMEOUT_S):
            while task["id"] not in await anext(lines):
                pass
        return RECEIVES


async def _by_websocket(endpoint: Endpoint, scene: RightsScene) -> str:
    async with connect(f"ws://{endpoint.address}/ws") as socket:
        if scene.actor.token:
            await socket.send(json.dumps({"type": "auth", "token": scene.actor.token}))
            assert json.loads(await socket.recv())["type"] == "ready"
        await socket.send(json.dumps({"type": "join", "projectId": scene.team.project["id"]}))
        message = json.loads(await socket.recv())
        if message["type"] == "error":
            return {"UNAUTHENTICATED": "401", "NOT_FOUND": "404"}[message["code"]]
        task = await scene.team.owner.create_task(scene.team.project)
        while json.loads(await socket.recv()).get("taskId") != task["id"]:
            pass
        return RECEIVES


async def _by_subscription(endpoint: Endpoint, scene: RightsScene) -> str:
    async with ws_client(endpoint.address, scene.actor) as socket:
        await socket.start_subscription(TASK_CHANGED, {"id": scene.team.project["id"]})
        if socket.buffered:
            [code] = await socket.next_error_codes()
            return {"UNAUTHENTICATED": "401", "NOT_FOUND": "404"}[code]
        task = await scene.team.owner.create_task(scene.team.project)
        while (await socket.next_result())["id"] != task["id"]:
            pass
        return RECEIVES


async def _by_postgres_changes(endpoint: Endpoint, scene: RightsScene) -> str:
    return await _by_phoenix(
        endpoint, scene, "board", tasks_binding(filter=f"project_id=eq.{scene.team.project['id']}")
    )


async def _by_private_channel(endpoint: Endpoint, scene: RightsScene) -> str:
    return await _by_phoenix(endpoint, scene, f"project-{scene.team.project['id']}", tasks_binding(), private=True)


async def _by_phoenix(
    endpoint: Endpoint, scene: RightsScene, topic: str, binding: dict[str, Any], **config: Any
) -> str:
    async with phoenix_client(endpoint.address, endpoint.anon_key) as channel:
        joined = await channel.join(topic, scene.actor.token or endpoint.anon_key, binding, **config)
        if joined["status"] != "ok":
            return "rejected"
        task = await scene.team.owner.create_task(scene.team.project)
        with suppress(TimeoutError):
            async with asyncio.timeout(_QUIET_S if scene.is_outside else TIMEOUT_S):
                while (await channel.receive_change())["record"]["id"] != task["id"]:
                    pass
                return RECEIVES
        return NOTHING


STREAM_TRANSPORTS: dict[tuple[str, str], ObserveStream] = {
    ("`GET /projects/{id}/events`", "events of the project"): _by_event_stream,
    ("`/ws`", "`join`"): _by_websocket,
    ("`/graphql`", "`taskChanged`"): _by_subscription,
    ("`/realtime/v1/websocket`", "`postgres_changes` of its tasks"): _by_postgres_changes,
    ("`/realtime/v1/websocket`", "its private channel"): _by_private_channel,
}
"""The functions by transport and subscription."""
