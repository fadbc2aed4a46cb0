"""Boards that are read once and then kept by what is heard, over four protocols."""

from __future__ import annotations

import asyncio
import json
from typing import Any, ClassVar

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from monynha.app.catalog import CATALOG
from monynha.engine.position import read_position
from monynha.engine.resource import Resource
from monynha.protocols.websocket.messages import shown
from tests.people import Person

PATIENCE_S = 10.0
UNBOUNDED = None
"""A client that leaves with its queue full does not read the other side's close, and waits ten seconds."""
Rows = dict[str, dict[str, Any]]


class Board:
    """What somebody believes of a project: its tasks and members, or that they see none of it."""

    def __init__(self, address: str, person: Person, project: str) -> None:
        self.address, self.person, self.project = address, person, project
        self.tasks: Rows | None = None
        self.members: Rows = {}
        self.version = 0
        self.listening: asyncio.Task[None] | None = None

    async def ask(self) -> None:
        """Ask for everything; who is interrupted knows nothing."""
        self.tasks = None
        answers = [
            await self.person.get(f"/projects/{self.project}/{what}?limit=100")
            for what in ("tasks", "members")
        ]
        if any(one.status_code == 404 for one in answers):
            self.tasks = None
            return
        tasks, members = (one.json()["data"] for one in answers)
        self.tasks = {one["id"]: one for one in tasks}
        self.members = {one["userId"]: one for one in members}

    async def told_now(self) -> tuple[Rows | None, Rows]:
        """Return what they would be told if they asked now."""
        other = Board(self.address, self.person, self.project)
        await other.ask()
        return other.tasks, other.members

    def apply(self, resource: str, verb: str, key: str, row: dict[str, Any]) -> None:
        """Apply what was heard."""
        rows = self.tasks if resource == "tasks" else self.members if resource == "members" else None
        if rows is None or self.tasks is None:
            return
        if verb == "delete":
            rows.pop(key, None)
        else:
            rows[key] = row

    async def open(self) -> None:
        """Come in, or back: go on from the last version where there is one."""
        self.listening = asyncio.create_task(self.listen())

    async def close(self) -> None:
        """Break the line, wherever it is."""
        if self.listening is not None:
            self.listening.cancel()
            await asyncio.gather(self.listening, return_exceptions=True)
            self.listening = None

    async def listen(self) -> None:
        raise NotImplementedError


class SocketBoard(Board):
    """Kept by `/ws`."""

    async def listen(self) -> None:
        async with connect(f"ws://{self.address}/ws?token={self.person.token}", max_queue=UNBOUNDED) as line:
            assert "ready" == json.loads(await line.recv())["type"]
            await self._begin(line)
            async for text in line:
                await self._take(line, json.loads(text))

    async def _begin(self, line: ClientConnection) -> None:
        known = {"type": "resume", "projectId": self.project, "version": self.version}
        await line.send(json.dumps(known if self.tasks is not None else {**known, "type": "join"}))

    async def _take(self, line: ClientConnection, said: dict[str, Any]) -> None:
        if said["type"] in ("joined", "ask_again"):
            self.version = said["version"]
            await self.ask()
        elif said["type"] in ("removed", "error"):
            assert said.get("code", "NOT_FOUND") == "NOT_FOUND", said
            self.tasks = None
            await asyncio.sleep(0.05)
            await self._begin(line)
        elif "version" in said and said["type"] != "resumed":
            assert self.version + 1 == said["version"], "gapless, in order, and once"
            self.version = said["version"]
            word, verb = said["type"].rsplit("_", 1)
            resource = next(one for one in CATALOG.resources.values() if one.singular == word)
            short = {"created": "insert", "updated": "update", "deleted": "delete"}[verb]
            self.apply(resource.plural, short, said[f"{word}Id"], said[word])


class StreamBoard(SocketBoard):
    """Kept by server-sent events."""

    async def listen(self) -> None:
        while True:
            async with httpx.AsyncClient(timeout=PATIENCE_S) as client:
                since = f"?since={self.version}" if self.tasks is not None else ""
                url = f"http://{self.address}/api/v1/projects/{self.project}/events{since}"
                headers = {"authorization": f"Bearer {self.person.token}"}
                async with client.stream("GET", url, headers=headers) as answer:
                    if answer.status_code == 404:
                        self.tasks = None
                    else:
                        await self._read(answer)
            await asyncio.sleep(0.05)

    async def _read(self, answer: httpx.Response) -> None:
        is_first = True
        async for text in answer.aiter_lines():
            name, _, value = text.partition(": ")
            if name == "id" and is_first:
                is_first = False
                if self.tasks is None:
                    self.version = int(value)
                    await self.ask()
            elif name == "data":
                said = json.loads(value)
                if "type" in said:
                    await self._heard(said)
                elif "version" in said:
                    self.version = said["version"]
                    await self.ask()
                else:
                    self.tasks = None

    async def _heard(self, said: dict[str, Any]) -> None:
        await self._take(None, said)  # type: ignore[arg-type]  # it has no line to answer on


class PhoenixBoard(Board):
    """Kept by `postgres_changes`."""

    key = ""
    position: str | None = None

    async def listen(self) -> None:
        url = f"ws://{self.address}/realtime/v1/websocket?apikey={self.key}&vsn=2.0.0"
        async with connect(url, max_queue=UNBOUNDED) as line:
            await line.send(json.dumps(["1", "1", "realtime:board", "phx_join", self._join()]))
            async for text in line:
                _, _, _, event, payload = json.loads(text)
                if event == "phx_reply":
                    response = payload["response"]
                    if self.tasks is None or not response.get("resumed"):
                        self._reach(response["position"])
                        await self.ask()
                elif event == "postgres_changes":
                    await self._change(payload["data"])

    def _join(self) -> dict[str, Any]:
        narrowed = f"project_id=eq.{self.project}"
        bindings = [
            {"event": "*", "schema": "public", "table": table, "filter": narrowed}
            for table in ("tasks", "project_members")
        ]
        since = {} if self.position is None else {"since": self.position}
        return {"config": {"postgres_changes": bindings, **since}, "access_token": self.person.token}

    async def _change(self, data: dict[str, Any]) -> None:
        self._reach(data["position"])
        resource: Resource = CATALOG.resources["tasks" if data["table"] == "tasks" else "members"]
        row = data.get("record") or data["old_record"]
        key = row["id" if resource.plural == "tasks" else "user_id"]
        if key == str(self.person.id) and resource.plural == "members" and data["type"] != "UPDATE":
            self.tasks = None
            if data["type"] == "INSERT":
                await self.ask()
            return
        self.apply(resource.plural, data["type"].lower(), key, shown(resource, row))

    def _reach(self, position: str) -> None:
        self.position = position
        found = [version for stream, version in read_position(position).items() if stream.kind == "project"]
        self.version = max(found, default=0)


class SubscriptionBoard(Board):
    """Kept by GraphQL's subscriptions, from the last position of each.

    Nothing says that they listen, but what is asked on the same line later is asked once they do.
    """

    QUERIES: ClassVar = {
        "tasks": """subscription ($id: ID!, $since: String) { taskChanged(projectId: $id, since: $since) {
          action position id projectId title description status priority assigneeId dueDate tags createdAt
          updatedAt
        } }""",
        "members": """subscription ($id: ID!, $since: String) { memberChanged(projectId: $id, since: $since) {
          action position projectId userId role joinedAt
        } }""",
    }
    turn = 0

    async def listen(self) -> None:
        self.positions: dict[str, str] = getattr(self, "positions", {})
        url = f"ws://{self.address}/graphql"
        protocols = [Subprotocol("graphql-transport-ws")]
        async with connect(url, subprotocols=protocols, max_queue=UNBOUNDED) as line:
            await line.send(json.dumps({"type": "connection_init", "payload": {"token": self.person.token}}))
            assert "connection_ack" == json.loads(await line.recv())["type"]
            await self._begin(line)
            async for text in line:
                await self._take(line, json.loads(text))

    async def _begin(self, line: ClientConnection) -> None:
        self.turn += 1
        goes_on = self.tasks is not None and len(self.positions) == 2
        if not goes_on:
            self.tasks, self.positions = None, {}
        for what, query in self.QUERIES.items():
            variables = {"id": self.project, "since": self.positions.get(what)}
            await self._subscribe(line, what, {"query": query, "variables": variables})
        if not goes_on:
            await self._subscribe(line, "mark", {"query": "{ __typename }"})

    async def _subscribe(self, line: ClientConnection, what: str, payload: dict[str, Any]) -> None:
        await line.send(json.dumps({"type": "subscribe", "id": f"{what} {self.turn}", "payload": payload}))

    async def _take(self, line: ClientConnection, said: dict[str, Any]) -> None:
        what, turn = said["id"].split(" ")
        if int(turn) != self.turn:
            return
        if said["type"] == "error":
            codes = {one["extensions"]["code"] for one in said["payload"]}
            assert codes <= {"NOT_FOUND", "PRECONDITION_FAILED"}, said
            for one in self.QUERIES:
                await line.send(json.dumps({"type": "complete", "id": f"{one} {turn}"}))
            self.tasks = None
            await asyncio.sleep(0.05)
            await self._begin(line)
        elif said["type"] == "next" and what == "mark":
            await self.ask()
        elif said["type"] == "next":
            ((_, row),) = said["payload"]["data"].items()
            action, self.positions[what] = row.pop("action"), row.pop("position")
            verb = {"created": "insert", "updated": "update", "deleted": "delete"}[action]
            self.apply(what, verb, row["id" if what == "tasks" else "userId"], row)
