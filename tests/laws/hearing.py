"""Who hears a project's stream, wire by wire: rows of the matrix of rights."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.asyncio.client import connect

from tests.laws.matrix import Scene
from tests.live import PATIENCE_S
from tests.phoenix import phoenix, tasks
from tests.protocols.graphql.sockets import TASKS, line

HEARS, NOTHING = "hears", "nothing"
_SILENCE_S = 0.4


@dataclass(frozen=True)
class Ear:
    """Where the program listens, with the key of nobody."""

    address: str
    key: str


Hear = Callable[[Ear, Scene], Awaitable[str]]
"""Listen, let the owner create a task, and return what came of it."""


async def _by_events(ear: Ear, scene: Scene) -> str:
    headers = {"authorization": f"Bearer {scene.actor.token}"} if scene.actor.token else {}
    path = f"http://{ear.address}/api/v1{scene.cast.path}/events"
    async with (
        httpx.AsyncClient(timeout=PATIENCE_S) as client,
        client.stream("GET", path, headers=headers) as one,
    ):
        if one.status_code != 200:
            return str(one.status_code)
        lines = one.aiter_lines()
        await anext(lines)
        task = await scene.cast.owner.task(scene.cast.project)
        async with asyncio.timeout(PATIENCE_S):
            while task["id"] not in await anext(lines):
                pass
        return HEARS


async def _by_socket(ear: Ear, scene: Scene) -> str:
    async with connect(f"ws://{ear.address}/ws") as socket:
        if scene.actor.token:
            await socket.send(json.dumps({"type": "auth", "token": scene.actor.token}))
            assert "ready" == json.loads(await socket.recv())["type"]
        await socket.send(json.dumps({"type": "join", "projectId": scene.cast.project["id"]}))
        said = json.loads(await socket.recv())
        if said["type"] == "error":
            return {"UNAUTHENTICATED": "401", "NOT_FOUND": "404"}[said["code"]]
        task = await scene.cast.owner.task(scene.cast.project)
        while json.loads(await socket.recv()).get("taskId") != task["id"]:
            pass
        return HEARS


async def _by_subscription(ear: Ear, scene: Scene) -> str:
    async with line(ear.address, scene.actor) as socket:
        await socket.listen(TASKS, {"id": scene.cast.project["id"]})
        if socket.kept:
            [code] = await socket.error()
            return {"UNAUTHENTICATED": "401", "NOT_FOUND": "404"}[code]
        task = await scene.cast.owner.task(scene.cast.project)
        while (await socket.next())["id"] != task["id"]:
            pass
        return HEARS


async def _by_changes(ear: Ear, scene: Scene) -> str:
    return await _by_phoenix(ear, scene, "board", tasks(filter=f"project_id=eq.{scene.cast.project['id']}"))


async def _in_private(ear: Ear, scene: Scene) -> str:
    return await _by_phoenix(ear, scene, f"project-{scene.cast.project['id']}", tasks(), private=True)


async def _by_phoenix(ear: Ear, scene: Scene, topic: str, asked: dict[str, Any], **config: Any) -> str:
    async with phoenix(ear.address, ear.key) as channel:
        joined = await channel.join(topic, scene.actor.token or ear.key, asked, **config)
        if joined["status"] != "ok":
            return "refused"
        task = await scene.cast.owner.task(scene.cast.project)
        with suppress(TimeoutError):
            async with asyncio.timeout(_SILENCE_S if scene.is_outside else PATIENCE_S):
                while (await channel.change())["record"]["id"] != task["id"]:
                    pass
                return HEARS
        return NOTHING


EARS: dict[tuple[str, str], Hear] = {
    ("`GET /projects/{id}/events`", "as it happens"): _by_events,
    ("`/ws`", "`join`"): _by_socket,
    ("`/graphql`", "`taskChanged`"): _by_subscription,
    ("`/realtime/v1/websocket`", "changes of its tasks"): _by_changes,
    ("`/realtime/v1/websocket`", "its private room"): _in_private,
}
"""By wire, and by what is asked there."""
