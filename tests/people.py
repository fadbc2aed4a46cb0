"""People and their projects, made for a test: each with a session of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx

from monynha.core.actor import NOBODY, Actor, system
from monynha.domains.auth.account import COLUMNS, account_of
from monynha.domains.auth.tokens import AccessTokens, Session
from monynha.domains.users.reactions import KeepProfile
from monynha.infra.postgres.database import Database

_ACCOUNT = """
insert into auth.users (id, email, email_confirmed_at, app_metadata, user_metadata)
values ($1, $2, $3, $4, $5)
"""
_SESSION = "insert into auth.sessions (id, user_id) values ($1, $2)"


@dataclass(frozen=True)
class Person:
    """Somebody with a token, and how they ask."""

    id: UUID
    name: str
    email: str
    session_id: UUID
    token: str
    actor: Actor
    client: httpx.AsyncClient = field(repr=False)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        **rest: Any,
    ) -> httpx.Response:
        """Send a request below /api/v1 as this person."""
        known = {"authorization": f"Bearer {self.token}"} if self.token else {}
        given = {**known, **(headers or {})}
        return await self.client.request(method, f"/api/v1{path}", json=json, headers=given, **rest)

    async def get(self, path: str, **rest: Any) -> httpx.Response:
        """Send a GET."""
        return await self.ask("GET", path, **rest)

    async def post(self, path: str, json: Any, **rest: Any) -> httpx.Response:
        """Send a POST."""
        return await self.ask("POST", path, json=json, **rest)

    async def put(self, path: str, json: Any, **rest: Any) -> httpx.Response:
        """Send a PUT."""
        return await self.ask("PUT", path, json=json, **rest)

    async def delete(self, path: str, **rest: Any) -> httpx.Response:
        """Send a DELETE."""
        return await self.ask("DELETE", path, **rest)

    async def made(self, path: str, body: Any) -> dict[str, Any]:
        """Create something and return it."""
        answer = await self.post(path, body)
        assert answer.status_code == 201, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data

    async def project(self, **body: Any) -> dict[str, Any]:
        """Create a project."""
        return await self.made("/projects", {"name": f"Project of {self.name}", **body})

    async def task(self, project: Mapping[str, Any], **body: Any) -> dict[str, Any]:
        """Create a task in a project."""
        return await self.made(f"/projects/{project['id']}/tasks", {"title": "A task", **body})


@dataclass(frozen=True)
class People:
    """Makes people, straight in the database: signing up is tested where it belongs."""

    database: Database
    tokens: AccessTokens
    client: httpx.AsyncClient

    async def new(self, name: str = "Ada", *, is_admin: bool = False) -> Person:
        """Return somebody new with a live session."""
        person_id, session_id = uuid4(), uuid4()
        email = f"{name.lower()}-{person_id.hex[:12]}@example.com"
        metadata = '{"role": "admin"}' if is_admin else "{}"
        async with self.database.acting(system("auth")).transaction() as transaction:
            await transaction.run(
                _ACCOUNT, person_id, email, datetime.now(UTC), metadata, f'{{"name": "{name}"}}'
            )
            await transaction.run(_SESSION, session_id, person_id)
            row = await transaction.row(f"select {COLUMNS} from auth.users u where u.id = $1", person_id)
            assert row is not None
            account = account_of(dict(row))
            await KeepProfile().created(transaction, account)
        token = self.tokens.mint(account, Session(session_id, "aal1", ())).text
        return Person(person_id, name, email, session_id, token, self.tokens.verify(token), self.client)

    def nobody(self) -> Person:
        """Return somebody who sends no token."""
        return Person(uuid4(), "Nobody", "nobody@example.com", uuid4(), "", NOBODY, self.client)

    async def member(self, project: Mapping[str, Any], owner: Person, role: str, name: str = "") -> Person:
        """Return somebody new who is in the project in that role."""
        person = await self.new(name or role.capitalize())
        await owner.made(f"/projects/{project['id']}/members", {"userId": str(person.id), "role": role})
        return person

    async def end_session(self, person: Person) -> None:
        """Sign somebody out."""
        async with self.database.acting(system("auth")).transaction() as transaction:
            await transaction.run("delete from auth.sessions where id = $1", person.session_id)

    async def signed_up(self, name: str, password: str) -> Person:
        """Return somebody new who came by the front door, and can sign in again."""
        email = f"{name.lower()}-{uuid4().hex[:12]}@example.com"
        body = {"email": email, "password": password, "data": {"name": name}}
        answer = await self.client.post("/auth/v1/signup", json=body)
        assert answer.status_code == 200, answer.text
        token = answer.json()["access_token"]
        actor = self.tokens.verify(token)
        assert actor.id
        assert actor.session_id
        return Person(actor.id, name, email, actor.session_id, token, actor, self.client)

    async def ban(self, person: Person) -> None:
        """Ban somebody for good."""
        async with self.database.acting(system("auth")).transaction() as transaction:
            await transaction.run(
                "update auth.users set banned_until = now() + interval '1 year' where id = $1", person.id
            )
