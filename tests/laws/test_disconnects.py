"""Many ask at once, and many of them leave half-way: nobody ever gets or changes a row of another."""

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

from monynha.app.asgi import Program
from monynha.app.edge import answer
from monynha.infra.embedded import Servers
from monynha.infra.postgres.database import Database
from tests.engine.test_guard import leftovers
from tests.laws.world import owning
from tests.people import People, Person

pytestmark = pytest.mark.anyio

ASKERS = 200
TURNS = 8


@pytest.fixture
async def port(program: Program) -> AsyncIterator[int]:
    """Return the port at which the program answers over real sockets, in this very process."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop, ready = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(answer(program, listener, stop, ready.set))
    await ready.wait()
    yield listener.getsockname()[1]
    stop.set()
    await serving


@dataclass
class Asker:
    """Somebody with a project of their own, who asks and sometimes leaves before the answer."""

    person: Person
    project: str
    is_known: bool = True
    is_admin: bool = False
    seen: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    async def ask_around(self, port: int, others: list[str], chance: random.Random) -> None:
        """Ask one thing after the other."""
        for _ in range(TURNS):
            method, path, body = self._request(others, chance)
            leaves = chance.choice(["never", "never", "at once", "half asked", "half heard"])
            if told := await self._exchange(port, _http(method, path, body, self.person.token), leaves):
                self.judge(method, path, *told)

    def _request(self, others: list[str], chance: random.Random) -> tuple[str, str, Any]:
        own = f"/projects/{self.project}"
        me = str(self.person.id)
        asked: list[tuple[str, str, Any]] = [
            ("GET", "/projects?include=owner,members.user,tasks.project", None),
            ("GET", "/tasks?include=project.owner&count=exact", None),
            ("GET", "/users/me?include=ownedProjects,memberships.project", None),
            ("GET", own, None),
            ("PUT", own, {"description": me}),
            ("POST", f"{own}/tasks", {"title": me}),
            ("GET", f"/projects/{chance.choice(others)}", None),
            ("PUT", f"/projects/{chance.choice(others)}", {"description": me}),
            ("POST", f"/projects/{chance.choice(others)}/tasks", {"title": me}),
        ]
        return chance.choice([one for one in asked if one[0] == "GET" or not self.is_admin])

    async def _exchange(self, port: int, request: bytes, leaves: str) -> tuple[int, str] | None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(request[: len(request) // 2] if leaves == "half asked" else request)
            await writer.drain()
            if leaves in ("at once", "half asked"):
                await asyncio.sleep(0)
                return None
            if leaves == "half heard":
                await reader.read(10)
                return None
            told = await reader.read()
        finally:
            # No farewell: the other side learns of it by a reset.
            writer.transport.abort()
        head, _, body = told.partition(b"\r\n\r\n")
        return int(head.split()[1]), body.decode()

    def judge(self, method: str, path: str, status: int, body: str) -> None:
        """Remember what is not theirs to hear."""
        is_own = self.project in path or not path.startswith("/projects/")
        expected = ({200, 201} if is_own or self.is_admin else {404}) if self.is_known else {401}
        self.seen["good" if status in expected else str(status)] += 1
        if status not in {*expected, 503}:
            self.wrong.append(f"{method} {path}: {status}")
        if status < 300 and not self.is_admin:
            self.wrong += [told for told in _owners(json.loads(body)) if told != str(self.person.id)]


def _http(method: str, path: str, body: Any, token: str) -> bytes:
    sent = b"" if body is None else json.dumps(body).encode()
    head = f"{method} /api/v1{path} HTTP/1.1\r\nHost: monynha.test\r\nConnection: close\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(sent)}\r\n"
    if token:
        head += f"Authorization: Bearer {token}\r\n"
    return head.encode() + b"\r\n" + sent


def _owners(told: Any) -> list[str]:
    """Return the ids of all people that an answer names, however deep."""
    if isinstance(told, list):
        return [one for item in told for one in _owners(item)]
    if not isinstance(told, dict):
        return []
    own = [str(told[name]) for name in ("ownerId", "userId") if name in told]
    own += [str(told["title"])] if "title" in told else []
    own += [str(told["id"])] if "avatarUrl" in told else []
    return own + [one for item in told.values() for one in _owners(item)]


async def test_nobody_hears_of_another_whoever_leaves_half_way(
    people: People, database: Database, running_servers: Servers, port: int
) -> None:
    chance = random.Random(11)
    askers = []
    for number in range(ASKERS):
        is_admin = number % 10 == 2
        person = await people.new(f"P{number}", is_admin=is_admin)
        project = await person.project(name=f"Of {number}")
        asker = Asker(person, project["id"], is_admin=is_admin)
        if number % 10 == 0:
            await people.end_session(person)
            asker.is_known = False
        if number % 10 == 1:
            asker.person, asker.is_known = people.nobody(), False
        askers.append(asker)
    projects = [one.project for one in askers]

    await asyncio.gather(
        *(one.ask_around(port, [p for p in projects if p != one.project], chance) for one in askers)
    )

    assert [] == [wrong for one in askers for wrong in one.wrong]
    assert sum(one.seen["good"] for one in askers) > ASKERS
    assert [] == await leftovers(database)
    async with owning(running_servers.owner_url) as owner:
        strange = await owner.fetch(
            "select p.id from public.projects p left join public.tasks t on t.project_id = p.id "
            "where p.id = any($1) and (p.description <> p.owner_id::text or t.title <> p.owner_id::text)",
            projects,
        )
        changed = await owner.fetchval(
            "select count(*) from public.projects where id = any($1) and description = owner_id::text",
            projects,
        )
    assert [] == strange
    assert changed > ASKERS // 10
