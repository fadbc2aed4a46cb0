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

from monynha.core.settings.settings import Settings
from monynha.domains.auth import AuthServices
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.http import route_group
from monynha.domains.users.account_hooks import ProfileHooks
from monynha.infra.mail import FolderMailer
from monynha.infra.postgres.database import Database, Transaction
from monynha.protocols.http.application import HttpApplication
from monynha.protocols.http.client_ip import ClientIpResolver
from monynha.protocols.http.cors import CorsPolicy
from monynha.protocols.http.rate_limits import RateLimits
from monynha.protocols.http.router import Router
from tests.domains.auth.manual_clock import ManualClock

PASSWORD = "correct horse battery"


@dataclass
class SentEmail:
    """A mail that was sent."""

    to: str
    subject: str
    text: str

    @property
    def link(self) -> str:
        """The link in it."""
        match = re.search(r"https?://\S+/auth/v1/verify\?\S+", self.text)
        assert match, self.text
        return match[0]

    @property
    def token(self) -> str:
        """The token of the link."""
        return parse_qs(urlsplit(self.link).query)["token"][0]

    @property
    def code(self) -> str:
        """The code in it."""
        match = re.search(r"code: (\d{6})\b", self.text)
        assert match, self.text
        return match[1]


@dataclass
class RecordingHook:
    """A reaction that remembers what it was told."""

    created_accounts: list[Account] = field(default_factory=list)
    changed_accounts: list[Account] = field(default_factory=list)

    async def on_created(self, transaction: Transaction, account: Account) -> None:
        self.created_accounts.append(account)

    async def on_changed(self, transaction: Transaction, account: Account) -> None:
        self.changed_accounts.append(account)


@dataclass
class AuthApp:
    """Auth behind HTTP, and what a test looks into."""

    auth: AuthServices
    http: httpx.AsyncClient
    settings: Settings
    clock: ManualClock
    mail_dir: Path
    hook: RecordingHook
    database: Database

    def emails_to(self, to: str) -> list[SentEmail]:
        """The mails to an address, oldest first."""
        emails = []
        for path in sorted(self.mail_dir.glob("*.eml")):
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            if message["to"] == to:
                emails.append(SentEmail(message["to"], message["subject"], message.get_content()))
        return emails

    async def post(self, path: str, body: Any = None, token: str | None = None, **rest: Any) -> httpx.Response:
        """Send a POST below /auth/v1."""
        return await self.request("POST", path, token, json=body, **rest)

    async def get(self, path: str, token: str | None = None, **rest: Any) -> httpx.Response:
        """Send a GET below /auth/v1."""
        return await self.request("GET", path, token, **rest)

    async def put(self, path: str, body: Any, token: str | None = None, **rest: Any) -> httpx.Response:
        """Send a PUT below /auth/v1."""
        return await self.request("PUT", path, token, json=body, **rest)

    async def request(self, method: str, path: str, token: str | None = None, **options: Any) -> httpx.Response:
        """Send a request below /auth/v1."""
        headers = {**({"authorization": f"Bearer {token}"} if token else {}), **options.pop("headers", {})}
        return await self.http.request(method, f"/auth/v1{path}", headers=headers, **options)

    async def sign_up(self, email: str | None = None, **data: Any) -> dict[str, Any]:
        """Sign somebody up and return their session."""
        body = {"email": email or new_email(), "password": PASSWORD, "data": data}
        response = await self.post("/signup", body)
        assert response.status_code == 200, response.text
        session: dict[str, Any] = response.json()
        return session

    async def create_user(self, **fields: Any) -> dict[str, Any]:
        """Make an account by the service key and return its user."""
        body = {"email": new_email(), "password": PASSWORD, "email_confirm": True, **fields}
        response = await self.post("/admin/users", body, self.service_key)
        assert response.status_code == 200, response.text
        user: dict[str, Any] = response.json()
        return user

    async def sign_in(self, email: str, password: str = PASSWORD) -> httpx.Response:
        """Ask for a session by password."""
        return await self.post("/token?grant_type=password", {"email": email, "password": password})

    async def sign_in_as_unknown_user(self, headers: dict[str, str]) -> httpx.Response:
        """Ask for a session with an address that nobody has."""
        body = {"email": "nobody@example.com", "password": PASSWORD}
        return await self.post("/token?grant_type=password", body, headers=headers)

    async def refresh(self, token: str) -> httpx.Response:
        """Ask for the next tokens."""
        return await self.post("/token?grant_type=refresh_token", {"refresh_token": token})

    def api_key(self, role: str, **claims: Any) -> str:
        """Sign a key of that role."""
        body = {"role": role, "iss": "monynha", "exp": int(self.clock().timestamp()) + 60, **claims}
        return jwt.encode({"alg": "HS256"}, body, OctKey.import_key(self.settings.jwt_secret))

    @property
    def service_key(self) -> str:
        """The service key."""
        return self.api_key("service_role")


def new_email(name: str = "ada") -> str:
    """Return an address nobody has used."""
    return f"{name}-{uuid4().hex[:12]}@example.com"


MakeAuthApp = Callable[..., AuthApp]


@pytest.fixture
async def make_desk(database: Database, settings: Settings, tmp_path: Path) -> AsyncIterator[MakeAuthApp]:
    """Return what makes a desk with settings of its own."""
    desks: list[AuthApp] = []

    def make(*, limits: RateLimits | None = None, pace_s: float = 0.0, **changes: Any) -> AuthApp:
        clock, heard = ManualClock(datetime.now(UTC)), RecordingHook()
        mail_dir = tmp_path / f"mail-{len(desks)}"
        own = dataclasses.replace(settings, **changes)
        auth = AuthServices.build(
            own,
            database,
            limits=limits,
            mailer=FolderMailer(mail_dir),
            hooks=[ProfileHooks(), heard],
            clock=clock,
            response_step_s=pace_s,
        )
        edge = HttpApplication(Router([route_group(auth)]), CorsPolicy(), ClientIpResolver(), shows_stack=False)
        transport = httpx.ASGITransport(app=edge)
        http = httpx.AsyncClient(transport=transport, base_url="http://monynha.test")
        desks.append(AuthApp(auth, http, own, clock, mail_dir, heard, database))
        return desks[-1]

    yield make
    for desk in desks:
        await desk.http.aclose()
        desk.auth.close()


@pytest.fixture
def desk(make_desk: MakeAuthApp) -> AuthApp:
    """Return auth as it is in development: sign-ups count at once."""
    return make_desk(autoconfirm=True)


@pytest.fixture
def mailing_desk(make_desk: MakeAuthApp) -> AuthApp:
    """Return auth where addresses are confirmed by mail."""
    return make_desk(autoconfirm=False)
