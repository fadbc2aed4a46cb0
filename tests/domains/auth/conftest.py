"""Auth as an application of its own over the real database, with a clock and a mail folder to look into."""

from __future__ import annotations

import dataclasses
import email
import email.policy
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from monynha.core.settings import Settings
from monynha.domains.auth import Auth
from monynha.domains.auth.account import Account
from monynha.domains.auth.http import area
from monynha.domains.users.reactions import KeepProfile
from monynha.infra.mail import FolderMailer
from monynha.infra.postgres.database import Database, Transaction
from monynha.protocols.http.client import Clients
from monynha.protocols.http.cors import Origins
from monynha.protocols.http.edge import Edge
from monynha.protocols.http.limits import Limits
from monynha.protocols.http.router import Router
from tests.domains.auth.clocks import MovedClock

PASSWORD = "correct horse battery"


@dataclass
class Letter:
    """A mail that was sent."""

    to: str
    subject: str
    text: str

    @property
    def link(self) -> str:
        """The link in it."""
        found = re.search(r"https?://\S+/auth/v1/verify\?\S+", self.text)
        assert found, self.text
        return found[0]

    @property
    def token(self) -> str:
        """The token of the link."""
        return parse_qs(urlsplit(self.link).query)["token"][0]

    @property
    def code(self) -> str:
        """The code in it."""
        found = re.search(r"code: (\d{6})\b", self.text)
        assert found, self.text
        return found[1]


@dataclass
class Heard:
    """A reaction that remembers what it was told."""

    created_accounts: list[Account] = field(default_factory=list)
    changed_accounts: list[Account] = field(default_factory=list)

    async def created(self, transaction: Transaction, account: Account) -> None:
        self.created_accounts.append(account)

    async def changed(self, transaction: Transaction, account: Account) -> None:
        self.changed_accounts.append(account)


@dataclass
class Desk:
    """Auth behind HTTP, and what a test looks into."""

    auth: Auth
    http: httpx.AsyncClient
    settings: Settings
    clock: MovedClock
    mail_dir: Path
    heard: Heard
    database: Database

    def letters(self, to: str) -> list[Letter]:
        """The mails to an address, oldest first."""
        found = []
        for path in sorted(self.mail_dir.glob("*.eml")):
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            if message["to"] == to:
                found.append(Letter(message["to"], message["subject"], message.get_content()))
        return found

    async def post(
        self, path: str, body: Any = None, token: str | None = None, **rest: Any
    ) -> httpx.Response:
        """Send a POST below /auth/v1."""
        return await self.ask("POST", path, token, json=body, **rest)

    async def get(self, path: str, token: str | None = None, **rest: Any) -> httpx.Response:
        """Send a GET below /auth/v1."""
        return await self.ask("GET", path, token, **rest)

    async def put(self, path: str, body: Any, token: str | None = None, **rest: Any) -> httpx.Response:
        """Send a PUT below /auth/v1."""
        return await self.ask("PUT", path, token, json=body, **rest)

    async def ask(self, method: str, path: str, token: str | None = None, **rest: Any) -> httpx.Response:
        """Send a request below /auth/v1."""
        given = {**({"authorization": f"Bearer {token}"} if token else {}), **rest.pop("headers", {})}
        return await self.http.request(method, f"/auth/v1{path}", headers=given, **rest)

    async def signed_up(self, address: str | None = None, **data: Any) -> dict[str, Any]:
        """Sign somebody up and return their session."""
        body = {"email": address or new_address(), "password": PASSWORD, "data": data}
        answer = await self.post("/signup", body)
        assert answer.status_code == 200, answer.text
        session: dict[str, Any] = answer.json()
        return session

    async def made(self, **more: Any) -> dict[str, Any]:
        """Make an account by the service key and return its user."""
        body = {"email": new_address(), "password": PASSWORD, "email_confirm": True, **more}
        answer = await self.post("/admin/users", body, self.service)
        assert answer.status_code == 200, answer.text
        user: dict[str, Any] = answer.json()
        return user

    async def sign_in(self, address: str, password: str = PASSWORD) -> httpx.Response:
        """Ask for a session by password."""
        return await self.post("/token?grant_type=password", {"email": address, "password": password})

    async def sign_in_as_nobody(self, headers: dict[str, str]) -> httpx.Response:
        """Ask for a session with an address that nobody has."""
        body = {"email": "nobody@example.com", "password": PASSWORD}
        return await self.post("/token?grant_type=password", body, headers=headers)

    async def refresh(self, token: str) -> httpx.Response:
        """Ask for the next tokens."""
        return await self.post("/token?grant_type=refresh_token", {"refresh_token": token})

    def key(self, role: str, **claims: Any) -> str:
        """Sign a key of that role."""
        body = {"role": role, "iss": "monynha", "exp": int(self.clock().timestamp()) + 60, **claims}
        return jwt.encode({"alg": "HS256"}, body, OctKey.import_key(self.settings.jwt_secret))

    @property
    def service(self) -> str:
        """The service key."""
        return self.key("service_role")


def new_address(name: str = "ada") -> str:
    """Return an address nobody has used."""
    return f"{name}-{uuid4().hex[:12]}@example.com"


MakeDesk = Callable[..., Desk]


@pytest.fixture
async def make_desk(database: Database, settings: Settings, tmp_path: Path) -> AsyncIterator[MakeDesk]:
    """Return what makes a desk with settings of its own."""
    desks: list[Desk] = []

    def make(*, limits: Limits | None = None, pace_s: float = 0.0, **changes: Any) -> Desk:
        clock, heard = MovedClock(datetime.now(UTC)), Heard()
        mail_dir = tmp_path / f"mail-{len(desks)}"
        own = dataclasses.replace(settings, **changes)
        auth = Auth.build(
            own,
            database,
            limits=limits,
            mailer=FolderMailer(mail_dir),
            reactions=[KeepProfile(), heard],
            clock=clock,
            pace_s=pace_s,
        )
        edge = Edge(Router([area(auth)]), Origins(), Clients(), shows_stack=False)
        transport = httpx.ASGITransport(app=edge)
        http = httpx.AsyncClient(transport=transport, base_url="http://monynha.test")
        desks.append(Desk(auth, http, own, clock, mail_dir, heard, database))
        return desks[-1]

    yield make
    for desk in desks:
        await desk.http.aclose()
        desk.auth.close()


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    """Return auth as it is in development: sign-ups count at once."""
    return make_desk(autoconfirm=True)


@pytest.fixture
def mailing_desk(make_desk: MakeDesk) -> Desk:
    """Return auth where addresses are confirmed by mail."""
    return make_desk(autoconfirm=False)
