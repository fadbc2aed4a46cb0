"""The unmodified Python client of Supabase against the running program."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import uvicorn
from supabase import AsyncClient, AsyncClientOptions, acreate_client
from supabase_auth.errors import AuthApiError, AuthWeakPasswordError

from monynha.domains.auth.http import route_group
from monynha.protocols.http.application import HttpApplication
from monynha.protocols.http.cors import CorsPolicy
from monynha.protocols.http.router import Router
from tests.domains.auth.conftest import PASSWORD, AuthApp, MakeAuthApp, new_email


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

    async def start(**changes: Any) -> RunningAuthApp:
        listening = socket.create_server(("127.0.0.1", 0))
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


async def test_signing_up_out_and_in_again(run_auth_app: RunAuthApp) -> None:
    running_app = await run_auth_app(autoconfirm=True)
    client, email = await running_app.client(), new_email()

    signed_up = await client.auth.sign_up({"email": email, "password": PASSWORD, "options": {"data": {"name": "Ada"}}})
    assert signed_up.session is not None
    assert signed_up.user is not None
    assert signed_up.user.user_metadata["name"] == "Ada"
    await client.auth.sign_out()
    assert await client.auth.get_session() is None
    signed_in = await client.auth.sign_in_with_password({"email": email, "password": PASSWORD})

    assert signed_in.user is not None
    assert signed_in.user.id == signed_up.user.id
    seen = await client.auth.get_user()
    assert seen is not None
    assert seen.user.email == email
    identities = await client.auth.get_user_identities()
    assert [identity.provider for identity in identities.identities] == ["email"]


async def test_refreshing_keeps_the_session(run_auth_app: RunAuthApp) -> None:
    running_app = await run_auth_app(autoconfirm=True)
    client = await running_app.client()
    before = (await client.auth.sign_up({"email": new_email(), "password": PASSWORD})).session
    assert before is not None

    after = (await client.auth.refresh_session()).session

    assert after is not None
    assert after.refresh_token != before.refresh_token
    assert (await client.auth.get_user(after.access_token)) is not None


async def test_errors_have_their_codes(run_auth_app: RunAuthApp) -> None:
    running_app = await run_auth_app(autoconfirm=True)
    client, email = await running_app.client(), new_email()
    await client.auth.sign_up({"email": email, "password": PASSWORD})

    with pytest.raises(AuthApiError) as wrong:
        await client.auth.sign_in_with_password({"email": email, "password": "a wrong one"})
    with pytest.raises(AuthApiError) as taken:
        await client.auth.sign_up({"email": email, "password": PASSWORD})
    with pytest.raises(AuthWeakPasswordError) as weak:
        await client.auth.sign_up({"email": new_email(), "password": "short"})
    with pytest.raises(AuthApiError) as anonymous:
        await client.auth.sign_in_anonymously()

    assert (wrong.value.status, wrong.value.code) == (400, "invalid_credentials")
    assert (taken.value.status, taken.value.code) == (422, "user_already_exists")
    assert weak.value.reasons == ["length"]
    assert anonymous.value.code == "anonymous_provider_disabled"


async def test_changing_the_own_account(run_auth_app: RunAuthApp) -> None:
    running_app = await run_auth_app(autoconfirm=True)
    client, new = await running_app.client(), new_email("new")
    await client.auth.sign_up({"email": new_email(), "password": PASSWORD})

    changed = await client.auth.update_user({"data": {"name": "Countess"}, "email": new})

    assert (changed.user.email, changed.user.user_metadata["name"]) == (new, "Countess")


async def test_signing_out_elsewhere_keeps_this_session(run_auth_app: RunAuthApp) -> None:
    running_app = await run_auth_app(autoconfirm=True)
    here, there, email = await running_app.client(), await running_app.client(), new_email()
    await here.auth.sign_up({"email": email, "password": PASSWORD})
    await there.auth.sign_in_with_password({"email": email, "password": PASSWORD})

    await here.auth.sign_out({"scope": "others"})

    assert await here.auth.get_user() is not None
    with pytest.raises(AuthApiError) as refused:
        await there.auth.get_user()
    assert refused.value.code == "session_not_found"


async def test_a_mailed_code_signs_in(run_auth_app: RunAuthApp) -> None:
    running_app = await run_auth_app(autoconfirm=False)
    client, email = await running_app.client(), new_email()
    await client.auth.sign_in_with_otp({"email": email})

    code = running_app.auth_app.emails_to(email)[0].code
    verified = await client.auth.verify_otp({"email": email, "token": code, "type": "email"})

    assert verified.session is not None
    assert verified.user is not None
    assert verified.user.email_confirmed_at is not None


async def test_a_mailed_link_signs_in_with_the_pkce_verifier(run_auth_app: RunAuthApp) -> None:
    running_app = await run_auth_app(autoconfirm=False)
    client, email = await running_app.client(flow_type="pkce"), new_email()
    signed_up = await client.auth.sign_up({"email": email, "password": PASSWORD})
    assert signed_up.session is None

    async with httpx.AsyncClient() as browser:
        followed = await browser.get(running_app.auth_app.emails_to(email)[0].link)
    code = parse_qs(urlsplit(followed.headers["location"]).query)["code"][0]
    session = (await client.auth.exchange_code_for_session({"auth_code": code})).session

    assert session is not None
    assert session.user.email == email


async def test_resetting_a_forgotten_password(run_auth_app: RunAuthApp) -> None:
    running_app = await run_auth_app(autoconfirm=True)
    client, email = await running_app.client(), new_email()
    await client.auth.sign_up({"email": email, "password": PASSWORD})
    await client.auth.sign_out()
    await client.auth.reset_password_for_email(email)

    token = running_app.auth_app.emails_to(email)[0].token
    await client.auth.verify_otp({"token_hash": token, "type": "recovery"})
    await client.auth.update_user({"password": "remembered now"})

    signed_in = await client.auth.sign_in_with_password({"email": email, "password": "remembered now"})
    assert signed_in.session is not None


async def test_the_admin_api(run_auth_app: RunAuthApp) -> None:
    running_app = await run_auth_app(autoconfirm=False)
    admin = (await running_app.client(running_app.auth_app.service_key)).auth.admin
    email = new_email()

    created = (await admin.create_user({"email": email, "password": PASSWORD, "email_confirm": True})).user
    fetched = (await admin.get_user_by_id(created.id)).user
    changed = (await admin.update_user_by_id(created.id, {"app_metadata": {"role": "admin"}})).user
    listed = await admin.list_users(page=1, per_page=1000)
    link = await admin.generate_link({"type": "magiclink", "email": email})
    invited = (await admin.invite_user_by_email(new_email("guest"))).user

    assert fetched.email == email
    assert changed.app_metadata["role"] == "admin"
    assert created.id in [user.id for user in listed]
    assert link.properties.action_link.startswith(f"{running_app.url}/auth/v1/verify?")
    assert link.user.id == created.id
    assert invited.invited_at is not None
    client = await running_app.client()
    session = (await client.auth.verify_otp({"token_hash": link.properties.hashed_token, "type": "magiclink"})).session
    assert session is not None
    await admin.sign_out(session.access_token)
    with pytest.raises(AuthApiError):
        await client.auth.get_user(session.access_token)
    await admin.delete_user(created.id)
    with pytest.raises(AuthApiError) as gone:
        await admin.get_user_by_id(created.id)
    assert gone.value.code == "user_not_found"


async def test_the_anon_key_cannot_use_the_admin_api(run_auth_app: RunAuthApp) -> None:
    running_app = await run_auth_app(autoconfirm=True)
    with pytest.raises(AuthApiError) as refused:
        await (await running_app.client()).auth.admin.list_users()

    assert refused.value.code == "not_admin"
