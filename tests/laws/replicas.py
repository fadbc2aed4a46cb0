"""Replicas of a project that are loaded once and then updated by events, over four transports."""

from __future__ import annotations

import asyncio
import json
from typing import Any, ClassVar

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from monynha.app.catalog import CATALOG
from monynha.engine.realtime.resume_token import decode_resume_token
from monynha.engine.schema.resource import Resource
from monynha.protocols.realtime.event_messages import serialize_row
from tests.users import ApiUser

TIMEOUT_S = 30.0
UNBOUNDED_QUEUE = None
"""With a bounded queue that is full, a client that disconnects does not read the close frame and waits ten seconds."""
Rows = dict[str, dict[str, Any]]
_RESOURCE_BY_TABLE = {"tasks": "tasks", "project_members": "members", "files": "files"}


class ProjectReplica:
    """Tasks, members and files of a project as a client knows them; `tasks` is None while it sees no such project."""

    def __init__(self, address: str, user: ApiUser, project_id: str) -> None:
        self.address, self.user, self.project_id = address, user, project_id
        self.tasks: Rows | None = None
        self.members: Rows = {}
        self.files: Rows = {}
        self.version = 0
        self.listener: asyncio.Task[None] | None = None

    async def reload(self) -> None:
        """Load all rows; if it is cancelled, the replica is empty."""
        self.tasks = None
        responses = [
            await self.user.get(f"/projects/{self.project_id}/{plural}?limit=100")
            for plural in ("tasks", "members", "files")
        ]
        if any(response.status_code == 404 for response in responses):
            self.tasks = None
            return
        tasks, members, files = (response.json()["data"] for response in responses)
        self.tasks = {task["id"]: task for task in tasks}
        self.members = {member["userId"]: member for member in members}
        self.files = {file["id"]: file for file in files}

    @property
    def rows(self) -> tuple[Rows | None, Rows, Rows]:
        """Tasks, members and files."""
        return self.tasks, self.members, self.files

    async def fetch_current(self) -> tuple[Rows | None, Rows, Rows]:
        """Return the current rows, loaded again."""
        current = ProjectReplica(self.address, self.user, self.project_id)
        await current.reload()
        return current.rows

    def apply(self, resource: str, verb: str, key: str, row: dict[str, Any]) -> None:
        """Apply an event."""
        rows = {"tasks": self.tasks, "members": self.members, "files": self.files}.get(resource)
        if rows is None or self.tasks is None:
            return
        if verb == "delete":
            rows.pop(key, None)
        else:
            rows[key] = row

    async def connect(self) -> None:
        """Connect, or reconnect and resume from the last version."""
        self.listener = asyncio.create_task(self.listen())

    async def disconnect(self) -> None:
        """Drop the connection at once."""
        if self.listener is not None:
            self.listener.cancel()
            await asyncio.gather(self.listener, return_exceptions=True)
            self.listener = None

    async def listen(self) -> None:
        """Connect and apply events until the task is cancelled."""
        raise NotImplementedError


class WebSocketReplica(ProjectReplica):
    """Updated by `/ws`."""

    async def listen(self) -> None:
        async with connect(f"ws://{self.address}/ws?token={self.user.token}", max_queue=UNBOUNDED_QUEUE) as socket:
            assert json.loads(await socket.recv())["type"] == "ready"
            await self._join(socket)
            async for text in socket:
                await self._handle(socket, json.loads(text))

    async def _join(self, socket: ClientConnection) -> None:
        message = {"type": "resume", "projectId": self.project_id, "version": self.version}
        await socket.send(json.dumps(message if self.tasks is not None else {**message, "type": "join"}))

    async def _handle(self, socket: ClientConnection, message: dict[str, Any]) -> None:
        if message["type"] in ("joined", "ask_again"):
            self.version = message["version"]
            await self.reload()
        elif message["type"] in ("removed", "error"):
            assert message.get("code", "NOT_FOUND") == "NOT_FOUND", message
            self.tasks = None
            await asyncio.sleep(0.05)
            await self._join(socket)
        elif "version" in message and message["type"] != "resumed":
            assert message["version"] == self.version + 1, "versions are gapless and in order"
            self.version = message["version"]
            singular, past_verb = message["type"].rsplit("_", 1)
            resource = next(candidate for candidate in CATALOG.resources.values() if candidate.singular == singular)
            verb = {"created": "insert", "updated": "update", "deleted": "delete"}[past_verb]
            self.apply(resource.plural, verb, message[f"{singular}Id"], message[singular])


class EventStreamReplica(WebSocketReplica):
    """Updated by server-sent events."""

    async def listen(self) -> None:
        while True:
            async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
                since = f"?since={self.version}" if self.tasks is not None else ""
                url = f"http://{self.address}/api/v1/projects/{self.project_id}/events{since}"
                headers = {"authorization": f"Bearer {self.user.token}"}
                async with client.stream("GET", url, headers=headers) as response:
                    if response.status_code == 404:
                        self.tasks = None
                    else:
                        await self._read(response)
            await asyncio.sleep(0.05)

    async def _read(self, response: httpx.Response) -> None:
        is_first = True
        async for text in response.aiter_lines():
            name, _, value = text.partition(": ")
            if name == "id" and is_first:
                is_first = False
                if self.tasks is None:
                    self.version = int(value)
                    await self.reload()
            elif name == "data":
                message = json.loads(value)
                if "type" in message:
                    await self._handle_event(message)
                elif "version" in message:
                    self.version = message["version"]
                    await self.reload()
                else:
                    self.tasks = None

    async def _handle_event(self, message: dict[str, Any]) -> None:
        await self._handle(None, message)  # type: ignore[arg-type]  # no socket to send to


class PhoenixReplica(ProjectReplica):
    """Updated by `postgres_changes` of the Supabase Realtime protocol."""

    api_key = ""
    resume_token: str | None = None

    async def listen(self) -> None:
        url = f"ws://{self.address}/realtime/v1/websocket?apikey={self.api_key}&vsn=2.0.0"
        async with connect(url, max_queue=UNBOUNDED_QUEUE) as socket:
            await socket.send(json.dumps(["1", "1", "realtime:replica", "phx_join", self._join()]))
            async for text in socket:
                _, _, _, event, payload = json.loads(text)
                if event == "phx_reply":
                    response = payload["response"]
                    if self.tasks is None or not response.get("resumed"):
                        self._set_version(response["resumeToken"])
                        await self.reload()
                elif event == "postgres_changes":
                    await self._handle_change(payload["data"])

    def _join(self) -> dict[str, Any]:
        filter_text = f"project_id=eq.{self.project_id}"
        bindings = [
            {"event": "*", "schema": "public", "table": table, "filter": filter_text} for table in _RESOURCE_BY_TABLE
        ]
        since = {} if self.resume_token is None else {"since": self.resume_token}
        return {"config": {"postgres_changes": bindings, **since}, "access_token": self.user.token}

    async def _handle_change(self, data: dict[str, Any]) -> None:
        self._set_version(data["resumeToken"])
        resource: Resource = CATALOG.resources[_RESOURCE_BY_TABLE[data["table"]]]
        row = data.get("record") or data["old_record"]
        key = row["user_id" if resource.plural == "members" else "id"]
        if key == str(self.user.id) and resource.plural == "members" and data["type"] != "UPDATE":
            self.tasks = None
            if data["type"] == "INSERT":
                await self.reload()
            return
        self.apply(resource.plural, data["type"].lower(), key, serialize_row(resource, row))

    def _set_version(self, resume_token: str) -> None:
        self.resume_token = resume_token
        versions = [
            version for stream, version in decode_resume_token(resume_token).items() if stream.kind == "project"
        ]
        self.version = max(versions, default=0)


class SubscriptionReplica(ProjectReplica):
    """Updated by GraphQL subscriptions, each resumed from its last resume token.

    The server does not confirm a subscription, but it executes a later query on the same socket after it.
    """

    QUERIES: ClassVar = {
        "tasks": """subscription ($id: ID!, $since: String) { taskChanged(projectId: $id, since: $since) {
          action resumeToken id projectId title description status priority assigneeId dueDate tags createdAt
          updatedAt
        } }""",
        "members": """subscription ($id: ID!, $since: String) { memberChanged(projectId: $id, since: $since) {
          action resumeToken projectId userId role joinedAt
        } }""",
        "files": """subscription ($id: ID!, $since: String) { fileChanged(projectId: $id, since: $since) {
          action resumeToken id projectId taskId userId name path contentType size width height placeholder status
          error createdAt updatedAt
        } }""",
    }
    generation = 0

    async def listen(self) -> None:
        self.resume_tokens: dict[str, str] = getattr(self, "resume_tokens", {})
        url = f"ws://{self.address}/graphql"
        protocols = [Subprotocol("graphql-transport-ws")]
        async with connect(url, subprotocols=protocols, max_queue=UNBOUNDED_QUEUE) as socket:
            await socket.send(json.dumps({"type": "connection_init", "payload": {"token": self.user.token}}))
            assert json.loads(await socket.recv())["type"] == "connection_ack"
            await self._subscribe_all(socket)
            async for text in socket:
                await self._handle(socket, json.loads(text))

    async def _subscribe_all(self, socket: ClientConnection) -> None:
        self.generation += 1
        is_resuming = self.tasks is not None and len(self.resume_tokens) == len(self.QUERIES)
        if not is_resuming:
            self.tasks, self.resume_tokens = None, {}
        for name, query in self.QUERIES.items():
            variables = {"id": self.project_id, "since": self.resume_tokens.get(name)}
            await self._subscribe(socket, name, {"query": query, "variables": variables})
        if not is_resuming:
            await self._subscribe(socket, "ready", {"query": "{ __typename }"})

    async def _subscribe(self, socket: ClientConnection, name: str, payload: dict[str, Any]) -> None:
        await socket.send(json.dumps({"type": "subscribe", "id": f"{name} {self.generation}", "payload": payload}))

    async def _handle(self, socket: ClientConnection, message: dict[str, Any]) -> None:
        name, generation = message["id"].split(" ")
        if int(generation) != self.generation:
            return
        if message["type"] == "error":
            codes = {error["extensions"]["code"] for error in message["payload"]}
            assert codes <= {"NOT_FOUND", "PRECONDITION_FAILED"}, message
            for query_name in self.QUERIES:
                await socket.send(json.dumps({"type": "complete", "id": f"{query_name} {generation}"}))
            self.tasks = None
            await asyncio.sleep(0.05)
            await self._subscribe_all(socket)
        elif message["type"] == "next" and name == "ready":
            await self.reload()
        elif message["type"] == "next":
            ((_, row),) = message["payload"]["data"].items()
            action, self.resume_tokens[name] = row.pop("action"), row.pop("resumeToken")
            verb = {"created": "insert", "updated": "update", "deleted": "delete"}[action]
            self.apply(name, verb, row["userId" if name == "members" else "id"], row)
