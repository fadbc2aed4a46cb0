"""Many concurrent clients, many of which disconnect midway: no client gets or changes a row of another."""

from __future__ import annotations

import asyncio
import json
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from monynha.app.composition.application import Application
from monynha.app.serving.uvicorn_server import serve_http
from monynha.infra.embedded import ServerUrls
from monynha.infra.postgres.database import Database
from tests.infra.postgres.test_actor_isolation import leaked_settings
from tests.laws.dataset import owner_connection
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

CLIENTS = 200
REQUESTS_PER_CLIENT = 8


@pytest.fixture
async def port(program: Application) -> AsyncIterator[int]:
    """Serve the application on a real port in this process; return the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop, ready = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(serve_http(program, listener, stop, ready.set, max_unsent_bytes=256_000_000))
    await ready.wait()
    yield listener.getsockname()[1]
    stop.set()
    await serving


@dataclass
class FlakyClient:
    """A user with a project of their own, who sends requests and sometimes disconnects before the response."""

    user: ApiUser
    project: str
    is_signed_in: bool = True
    is_admin: bool = False
    outcomes: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    async def send_requests(self, port: int, others: list[str], rng: random.Random) -> None:
        """Send one request after the other."""
        for _ in range(REQUESTS_PER_CLIENT):
            method, path, body = self._random_request(others, rng)
            disconnects = rng.choice(["never", "never", "at once", "mid-request", "mid-response"])
            if response := await self._exchange(port, _request_bytes(method, path, body, self.user.token), disconnects):
                self.check(method, path, *response)

    def _random_request(self, others: list[str], rng: random.Random) -> tuple[str, str, Any]:
        own = f"/projects/{self.project}"
        user_id = str(self.user.id)
        candidates: list[tuple[str, str, Any]] = [
            ("GET", "/projects?limit=2&include=owner,members.user,tasks.project", None),
            ("GET", "/tasks?include=project.owner&count=exact", None),
            ("GET", "/users/me?include=ownedProjects,memberships.project", None),
            ("GET", own, None),
            ("PUT", own, {"description": user_id}),
            ("POST", f"{own}/tasks", {"title": user_id}),
            ("GET", f"/projects/{rng.choice(others)}", None),
            ("PUT", f"/projects/{rng.choice(others)}", {"description": user_id}),
            ("POST", f"/projects/{rng.choice(others)}/tasks", {"title": user_id}),
        ]
        return rng.choice([candidate for candidate in candidates if candidate[0] == "GET" or not self.is_admin])

    async def _exchange(self, port: int, request: bytes, disconnects: str) -> tuple[int, str] | None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(request[: len(request) // 2] if disconnects == "mid-request" else request)
            await writer.drain()
            if disconnects in ("at once", "mid-request"):
                await asyncio.sleep(0)
                return None
            if disconnects == "mid-response":
                await reader.read(10)
                return None
            response = await reader.read()
        finally:
            # Abort, so that the server sees a connection reset.
            writer.transport.abort()
        head, _, body = response.partition(b"\r\n\r\n")
        return int(head.split()[1]), body.decode()

    def check(self, method: str, path: str, status: int, body: str) -> None:
        """Record a violation if the response has rows of others or an unexpected status."""
        is_own = self.project in path or not path.startswith("/projects/")
        expected = ({200, 201} if is_own or self.is_admin else {404}) if self.is_signed_in else {401}
        self.outcomes["good" if status in expected else str(status)] += 1
        if status not in {*expected, 503}:
            self.violations.append(f"{method} {path}: {status}")
        if status < 300 and not self.is_admin:
            self.violations += [
                user_id for user_id in _named_user_ids(json.loads(body)) if user_id != str(self.user.id)
            ]


def _request_bytes(method: str, path: str, body: Any, token: str) -> bytes:
    body_bytes = b"" if body is None else json.dumps(body).encode()
    head = f"{method} /api/v1{path} HTTP/1.1\r\nHost: monynha.test\r\nConnection: close\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body_bytes)}\r\n"
    if token:
        head += f"Authorization: Bearer {token}\r\n"
    return head.encode() + b"\r\n" + body_bytes


def _named_user_ids(value: Any) -> list[str]:
    """Return the ids of all users in a response, at any depth."""
    if isinstance(value, list):
        return [user_id for item in value for user_id in _named_user_ids(item)]
    if not isinstance(value, dict):
        return []
    user_ids = [str(value[name]) for name in ("ownerId", "userId") if name in value]
    user_ids += [str(value["title"])] if "title" in value else []
    user_ids += [str(value["id"])] if "avatarUrl" in value else []
    return user_ids + [user_id for item in value.values() for user_id in _named_user_ids(item)]


async def test_no_client_gets_or_changes_rows_of_others_when_clients_disconnect_midway(
    users: UserFactory, database: Database, running_servers: ServerUrls, port: int
) -> None:
    rng = random.Random(11)
    clients = []
    for number in range(CLIENTS):
        is_admin = number % 10 == 2
        user = await users.create(f"P{number}", is_admin=is_admin)
        project = await user.create_project(name=f"Of {number}")
        client = FlakyClient(user, project["id"], is_admin=is_admin)
        if number % 10 == 0:
            await users.end_session(user)
            client.is_signed_in = False
        if number % 10 == 1:
            client.user, client.is_signed_in = users.anonymous(), False
        clients.append(client)
    projects = [client.project for client in clients]

    await asyncio.gather(
        *(
            client.send_requests(port, [project for project in projects if project != client.project], rng)
            for client in clients
        )
    )

    assert [violation for client in clients for violation in client.violations] == []
    assert sum(client.outcomes["good"] for client in clients) > CLIENTS
    assert await leaked_settings(database) == []
    async with owner_connection(running_servers.owner_url) as owner:
        foreign_writes = await owner.fetch(
            "select p.id from public.projects p left join public.tasks t on t.project_id = p.id "
            "where p.id = any($1) and (p.description <> p.owner_id::text or t.title <> p.owner_id::text)",
            projects,
        )
        changed = await owner.fetchval(
            "select count(*) from public.projects where id = any($1) and description = owner_id::text",
            projects,
        )
    assert foreign_writes == []
    assert changed > CLIENTS // 10
