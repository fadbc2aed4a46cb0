"""Fixtures of auth: the routes of /auth/v1 over the real database, with a manual clock and a mail folder."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest
import uvicorn
from joserfc import jwt
from joserfc.jwk import OctKey
from supabase import AsyncClient, AsyncClientOptions, acreate_client

from monynha.core.settings.settings import Settings
from monynha.domains.auth import AuthServices
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.account_repository import AccountRepository
from monynha.domains.auth.accounts.hooks import InvitationLookup
from monynha.domains.auth.http import route_group, site_route_group
from monynha.domains.auth.phone.text_messages import SmsPayload
from monynha.domains.users.account_hooks import ProfileHooks
from monynha.infra.outgoing_http import OutgoingHttp
from monynha.infra.postgres.database import Database, Transaction, guard_query
from monynha.infra.queue.job_store import JobStore
from monynha.infra.queue.payload import parse_payload
from monynha.infra.valkey import RateLimiter
from monynha.protocols.http.application import HttpApplication
from monynha.protocols.http.cors import CorsPolicy
from monynha.protocols.http.rate_limits import RateLimits
from monynha.protocols.http.router import Router
from tests.domains.auth.manual_clock import ManualClock
from tests.emails import SentEmail, deliver_queued_emails, read_emails

PASSWORD = "correct horse battery"
SMS_HOOK: dict[str, Any] = {
    "sms_hook_url": "http://127.0.0.1:9/sms",
    "sms_hook_secrets": ("whsec_" + "c2VjcmV0" * 4,),
    "sms_test_otps": ("1234567890=123456",),
}
"""The settings with which phone numbers can be reached; nothing listens there."""


@dataclass
class RecordingHook:
    """An account hook that records its calls."""

    created_accounts: list[Account] = field(default_factory=list)
    changed_accounts: list[Account] = field(default_factory=list)

    async def on_created(self, transaction: Transaction, account: Account) -> None:
        self.created_accounts.append(account)

    async def on_changed(self, transaction: Transaction, account: Account) -> None:
        self.changed_accounts.append(account)


@dataclass
class AuthApp:
    """The routes of /auth/v1 behind an HTTP client, and what a test inspects."""

    auth: AuthServices
    http: httpx.AsyncClient
    settings: Settings
    clock: ManualClock
    mail_dir: Path
    hook: RecordingHook
    database: Database
    repository: AccountRepository
    texts: list[SmsPayload] = field(default_factory=list)
    """The text messages that were queued, oldest first; numbers of test codes get none."""

    def codes_to(self, phone: str) -> list[str]:
        """Return the codes in the text messages to a number, oldest first."""
        return [str(text.data["otp"]) for text in self.texts if text.to == phone]

    def emails_to(self, to: str) -> list[SentEmail]:
        """Return the emails to an address, oldest first."""
        return read_emails(self.mail_dir, to)

    async def deliver_emails(self, response: httpx.Response | None = None) -> None:
        """Send the queued emails and collect the queued text messages; done after each response."""
        await deliver_queued_emails(
            self.database,
            self.auth.mailer.queue,
            self.mail_dir,
            site_url=self.settings.site_url,
            clock=self.clock,
        )
        store = JobStore(self.database, uuid4())
        queue = self.auth.phone_accounts.messages.queue
        for job in await store.claim([queue], 100, lease=timedelta(minutes=1)):
            self.texts.append(parse_payload(SmsPayload, job.payload))

    async def post(self, path: str, body: object = None, token: str | None = None, **options: Any) -> httpx.Response:
        """Send a POST below /auth/v1."""
        return await self.request("POST", path, token, json=body, **options)

    async def get(self, path: str, token: str | None = None, **options: Any) -> httpx.Response:
        """Send a GET below /auth/v1."""
        return await self.request("GET", path, token, **options)

    async def put(self, path: str, body: object, token: str | None = None, **options: Any) -> httpx.Response:
        """Send a PUT below /auth/v1."""
        return await self.request("PUT", path, token, json=body, **options)

    async def delete(self, path: str, token: str | None = None, **options: Any) -> httpx.Response:
        """Send a DELETE below /auth/v1."""
        return await self.request("DELETE", path, token, **options)

    async def request(self, method: str, path: str, token: str | None = None, **options: Any) -> httpx.Response:
        """Send a request below /auth/v1."""
        headers = {**({"authorization": f"Bearer {token}"} if token else {}), **options.pop("headers", {})}
        return await self.http.request(method, f"/auth/v1{path}", headers=headers, **options)

    async def sign_up(self, email: str | None = None, **data: Any) -> dict[str, Any]:
        """Sign up a user, confirmed at once, and return the session."""
        body = {"email": email or new_email(), "password": PASSWORD, "data": data}
        response = await self.post("/signup", body)
        assert response.status_code == 200, response.text
        session: dict[str, Any] = response.json()
        return session

    async def sign_up_unconfirmed(self, email: str, password: str = PASSWORD, **fields: Any) -> httpx.Response:
        """Sign up where addresses are confirmed by email."""
        return await self.post("/signup", {"email": email, "password": password, **fields})

    async def follow(self, link: str) -> httpx.Response:
        """Open a mailed link as a browser does."""
        url_parts = urlsplit(link)
        return await self.http.get(f"{url_parts.path}?{url_parts.query}")

    async def create_user(self, **fields: Any) -> dict[str, Any]:
        """Create a user with the service key and return it."""
        body = {"email": new_email(), "password": PASSWORD, "email_confirm": True, **fields}
        response = await self.post("/admin/users", body, self.service_key)
        assert response.status_code == 200, response.text
        user: dict[str, Any] = response.json()
        return user

    async def sign_in(self, email: str, password: str = PASSWORD) -> httpx.Response:
        """Request a session by password."""
        return await self.post("/token?grant_type=password", {"email": email, "password": password})

    async def sign_in_as_unknown_user(self, headers: dict[str, str]) -> httpx.Response:
        """Request a session with an address that is not registered."""
        body = {"email": "unknown@example.com", "password": PASSWORD}
        return await self.post("/token?grant_type=password", body, headers=headers)

    async def refresh(self, token: str) -> httpx.Response:
        """Request new tokens."""
        return await self.post("/token?grant_type=refresh_token", {"refresh_token": token})

    async def fetch_json(self, access_token: str, query: str) -> bytes | None:
        """Run a query as the user of a token; UnauthenticatedError where the database refuses them."""
        actor = self.auth.tokens.verify(access_token)
        return await self.database.as_actor(actor).fetch_json(guard_query(query), ())

    def api_key(self, role: str, **claims: Any) -> str:
        """Sign a token with that role."""
        issuer = f"{self.settings.site_url}/auth/v1" if role == "authenticated" else "monynha"
        body = {"role": role, "iss": issuer, "exp": int(self.clock().timestamp()) + 60, **claims}
        return jwt.encode({"alg": "HS256"}, body, OctKey.import_key(self.settings.jwt_secret))

    @property
    def service_key(self) -> str:
        """The service key."""
        return self.api_key("service_role")


def new_email(name: str = "ada") -> str:
    """Return an address that is not registered."""
    return f"{name}-{uuid4().hex[:12]}@example.com"


def new_phone() -> str:
    """Return a phone number that is not registered, as it is stored."""
    return f"1555{uuid4().int % 10**10:010}"


def redirect_fragment(response: httpx.Response) -> dict[str, str]:
    """Return the parameters that a redirect carries behind the hash."""
    assert response.status_code == 303, response.text
    fragment = parse_qs(urlsplit(response.headers["location"]).fragment, keep_blank_values=True)
    return {name: values[0] for name, values in fragment.items()}


MakeAuthApp = Callable[..., AuthApp]


@pytest.fixture
async def make_auth_app(database: Database, settings: Settings, tmp_path: Path) -> AsyncIterator[MakeAuthApp]:
    """Return a function that makes an AuthApp with settings of its own."""
    auth_apps: list[AuthApp] = []

    def make(
        *,
        limits: RateLimits | None = None,
        response_step_s: float = 0.0,
        outgoing_http: OutgoingHttp | None = None,
        invitations: Sequence[InvitationLookup] = (),
        **changes: Any,
    ) -> AuthApp:
        clock, hook = ManualClock(datetime.now(UTC)), RecordingHook()
        mail_dir = tmp_path / "mail"
        changed_settings = dataclasses.replace(settings, **changes)
        auth = AuthServices.build(
            changed_settings,
            database,
            limits=limits or RateLimits(RateLimiter(None)),
            hooks=[ProfileHooks(), hook],
            invitations=invitations,
            clock=clock,
            response_step_s=response_step_s,
            # The worker of the program, which runs beside these tests, has another address of the site.
            email_queue=f"email-{uuid4()}",
            sms_queue=f"sms-{uuid4()}",
            outgoing_http=outgoing_http,
        )
        application = HttpApplication(
            Router([route_group(auth), site_route_group(auth)]), CorsPolicy(), shows_stack=False
        )
        transport = httpx.ASGITransport(app=application)
        http = httpx.AsyncClient(transport=transport, base_url="http://monynha.test")
        repository = AccountRepository(database)
        auth_app = AuthApp(auth, http, changed_settings, clock, mail_dir, hook, database, repository)
        http.event_hooks = {"response": [auth_app.deliver_emails]}
        auth_apps.append(auth_app)
        return auth_app

    yield make
    for auth_app in auth_apps:
        await auth_app.http.aclose()
        auth_app.auth.close()


@pytest.fixture
def auth_app(make_auth_app: MakeAuthApp) -> AuthApp:
    """Return auth as in development: sign-ups are confirmed at once."""
    return make_auth_app(autoconfirm=True)


@pytest.fixture
def phone_app(make_auth_app: MakeAuthApp) -> AuthApp:
    """Return auth where phone numbers are confirmed by text message, and anybody may be anonymous."""
    return make_auth_app(autoconfirm=False, anonymous_users=True, **SMS_HOOK)


@pytest.fixture
def confirming_app(make_auth_app: MakeAuthApp) -> AuthApp:
    """Return auth as in production: addresses are confirmed by email."""
    return make_auth_app(autoconfirm=False)


@dataclass
class RunningAuthApp:
    """An AuthApp that listens on a port."""

    auth_app: AuthApp
    url: str
    http: httpx.AsyncClient

    async def client(self, key: str | None = None, **options: Any) -> AsyncClient:
        """Return an official client."""
        client_options = AsyncClientOptions(auto_refresh_token=False, httpx_client=self.http, **options)
        return await acreate_client(self.url, key or self.auth_app.api_key("anon"), client_options)


RunAuthApp = Callable[..., Awaitable[RunningAuthApp]]


@pytest.fixture
async def run_auth_app(make_auth_app: MakeAuthApp) -> AsyncIterator[RunAuthApp]:
    """Return a function that serves an AuthApp with uvicorn on a free port."""
    running: list[tuple[uvicorn.Server, asyncio.Task[None]]] = []

    async def start(*, port: int = 0, **changes: Any) -> RunningAuthApp:
        listening = socket.create_server(("127.0.0.1", port))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        auth_app = make_auth_app(site_url=url, **changes)
        app = HttpApplication(Router([route_group(auth_app.auth)]), CorsPolicy())
        http.event_hooks = {"response": [auth_app.deliver_emails]}
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        task = asyncio.create_task(server.serve(sockets=[listening]))
        running.append((server, task))
        while not server.started:
            await asyncio.sleep(0.01)
        return RunningAuthApp(auth_app, url, http)

    http = httpx.AsyncClient()
    yield start
    await http.aclose()
    for server, task in running:
        server.should_exit = True
        await task


@pytest.fixture
def oauth_app(make_auth_app: MakeAuthApp) -> AuthApp:
    """Return auth with its authorization server on."""
    return make_auth_app(autoconfirm=True, oauth_server=True, oauth_registration=True)
