"""Users for tests, each with a session and an access token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx

from monynha.core.actor import ANONYMOUS, Actor, system_actor
from monynha.domains.auth.accounts.account import ACCOUNT_COLUMNS, account_from_row
from monynha.domains.auth.tokens.access_tokens import AccessTokens, SessionClaims
from monynha.domains.users.account_hooks import ProfileHooks
from monynha.infra.postgres.database import Database

_INSERT_ACCOUNT = """
insert into auth.users (id, email, email_confirmed_at, app_metadata, user_metadata, is_anonymous)
values ($1, $2, $3, $4, $5, $2::text is null)
"""
_INSERT_SESSION = "insert into auth.sessions (id, user_id) values ($1, $2)"


@dataclass(frozen=True)
class ApiUser:
    """A user with an access token, who sends requests to the API."""

    id: UUID
    name: str
    email: str
    session_id: UUID
    token: str
    actor: Actor
    client: httpx.AsyncClient = field(repr=False)

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> httpx.Response:
        """Send a request to a path below /api/v1 with the token of the user."""
        authorization = {"authorization": f"Bearer {self.token}"} if self.token else {}
        all_headers = {**authorization, **(headers or {})}
        return await self.client.request(method, f"/api/v1{path}", json=json, headers=all_headers, **options)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        """Send a GET."""
        return await self.request("GET", path, **options)

    async def post(self, path: str, json: Any, **options: Any) -> httpx.Response:
        """Send a POST."""
        return await self.request("POST", path, json=json, **options)

    async def put(self, path: str, json: Any, **options: Any) -> httpx.Response:
        """Send a PUT."""
        return await self.request("PUT", path, json=json, **options)

    async def delete(self, path: str, **options: Any) -> httpx.Response:
        """Send a DELETE."""
        return await self.request("DELETE", path, **options)

    async def create(self, path: str, body: Any) -> dict[str, Any]:
        """Create a row by POST and return it."""
        response = await self.post(path, body)
        assert response.status_code == 201, response.text
        data: dict[str, Any] = response.json()["data"]
        return data

    async def create_project(self, **body: Any) -> dict[str, Any]:
        """Create a project owned by the user."""
        return await self.create("/projects", {"name": f"Project of {self.name}", **body})

    async def create_task(self, project: Mapping[str, Any], **body: Any) -> dict[str, Any]:
        """Create a task in a project."""
        return await self.create(f"/projects/{project['id']}/tasks", {"title": "A task", **body})


@dataclass(frozen=True)
class UserFactory:
    """Creates users directly in the database, which is faster than signing them up."""

    database: Database
    tokens: AccessTokens
    client: httpx.AsyncClient

    async def create(self, name: str = "Ada", *, is_admin: bool = False, is_anonymous: bool = False) -> ApiUser:
        """Create a user with an active session."""
        user_id, session_id = uuid4(), uuid4()
        email = "" if is_anonymous else f"{name.lower()}-{user_id.hex[:12]}@example.com"
        metadata = '{"role": "admin"}' if is_admin else "{}"
        async with self.database.as_actor(system_actor("auth")).transaction() as transaction:
            await transaction.execute(
                _INSERT_ACCOUNT,
                user_id,
                email or None,
                None if is_anonymous else datetime.now(UTC),
                metadata,
                f'{{"name": "{name}"}}',
            )
            await transaction.execute(_INSERT_SESSION, session_id, user_id)
            row = await transaction.fetch_row(f"select {ACCOUNT_COLUMNS} from auth.users u where u.id = $1", user_id)
            assert row is not None
            account = account_from_row(dict(row))
            await ProfileHooks().on_created(transaction, account)
        token = self.tokens.issue(account, SessionClaims(session_id, "aal1", ())).text
        return ApiUser(user_id, name, email, session_id, token, self.tokens.verify(token), self.client)

    async def with_aal2(self, user: ApiUser) -> ApiUser:
        """Return the user in the same session after a second factor: with a token that claims aal2."""
        async with self.database.as_actor(system_actor("auth")).transaction() as transaction:
            await transaction.execute("update auth.sessions set aal = 'aal2' where id = $1", user.session_id)
            row = await transaction.fetch_row(f"select {ACCOUNT_COLUMNS} from auth.users u where u.id = $1", user.id)
        assert row is not None
        account = account_from_row(dict(row))
        token = self.tokens.issue(account, SessionClaims(user.session_id, "aal2", ())).text
        return replace(user, token=token, actor=self.tokens.verify(token))

    def anonymous(self) -> ApiUser:
        """Return a client that sends no token."""
        return ApiUser(uuid4(), "Nobody", "nobody@example.com", uuid4(), "", ANONYMOUS, self.client)

    async def create_member(self, project: Mapping[str, Any], owner: ApiUser, role: str, name: str = "") -> ApiUser:
        """Create a user who is a member of the project in the role."""
        user = await self.create(name or role.capitalize())
        await owner.create(f"/projects/{project['id']}/members", {"userId": str(user.id), "role": role})
        return user

    async def end_session(self, user: ApiUser) -> None:
        """End the session of a user."""
        async with self.database.as_actor(system_actor("auth")).transaction() as transaction:
            await transaction.execute("delete from auth.sessions where id = $1", user.session_id)

    async def sign_up(self, name: str, password: str) -> ApiUser:
        """Create a user by sign-up, who can sign in with the password."""
        email = f"{name.lower()}-{uuid4().hex[:12]}@example.com"
        body = {"email": email, "password": password, "data": {"name": name}}
        response = await self.client.post("/auth/v1/signup", json=body)
        assert response.status_code == 200, response.text
        token = response.json()["access_token"]
        actor = self.tokens.verify(token)
        assert actor.id
        assert actor.session_id
        return ApiUser(actor.id, name, email, actor.session_id, token, actor, self.client)

    async def ban(self, user: ApiUser) -> None:
        """Ban a user for a year."""
        async with self.database.as_actor(system_actor("auth")).transaction() as transaction:
            await transaction.execute(
                "update auth.users set banned_until = now() + interval '1 year' where id = $1", user.id
            )
