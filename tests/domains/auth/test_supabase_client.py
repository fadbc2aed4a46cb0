"""The unmodified Python client of Supabase against the running program."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
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
from monynha.protocols.http.client_ip import ClientIpResolver
from monynha.protocols.http.cors import CorsPolicy
from monynha.protocols.http.router import Router
from tests.domains.auth.conftest import PASSWORD, AuthApp, MakeAuthApp, new_email


@dataclass
class Site:
    """Auth on a port of this machine."""

    desk: AuthApp
    url: str
    http: httpx.AsyncClient

    async def client(self, key: str | None = None, **options: Any) -> AsyncClient:
        """Return an official client."""
        chosen = AsyncClientOptions(auto_refresh_token=False, httpx_client=self.http, **options)
        return await acreate_client(self.url, key or self.desk.api_key("anon"), chosen)


@pytest.fixture
async def serve(make_desk: MakeAuthApp) -> AsyncIterator[Any]:
    """Return what serves auth by uvicorn on a free port."""
    running: list[tuple[uvicorn.Server, asyncio.Task[None]]] = []

    async def start(**changes: Any) -> Site:
        listening = socket.create_server(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        desk = make_desk(site_url=url, **changes)
        app = HttpApplication(Router([route_group(desk.auth)]), CorsPolicy(), ClientIpResolver())
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        task = asyncio.create_task(server.serve(sockets=[listening]))
        running.append((server, task))
        while not server.started:
            await asyncio.sleep(0.01)
        return Site(desk, url, http)

    http = httpx.AsyncClient()
    yield start
    await http.aclose()
    for server, task in running:
        server.should_exit = True
        await task


async def test_signing_up_out_and_in_again(serve: Any) -> None:
    site = await serve(autoconfirm=True)
    client, address = await site.client(), new_email()

    signed_up = await client.auth.sign_up(
        {"email": address, "password": PASSWORD, "options": {"data": {"name": "Ada"}}}
    )
    assert signed_up.session is not None
    assert signed_up.user is not None
    assert signed_up.user.user_metadata["name"] == "Ada"
    await client.auth.sign_out()
    assert await client.auth.get_session() is None
    signed_in = await client.auth.sign_in_with_password({"email": address, "password": PASSWORD})

    assert signed_in.user is not None
    assert signed_in.user.id == signed_up.user.id
    seen = await client.auth.get_user()
    assert seen is not None
    assert seen.user.email == address
    identities = await client.auth.get_user_identities()
    assert [each.provider for each in identities.identities] == ["email"]


async def test_refreshing_keeps_the_session(serve: Any) -> None:
    site = await serve(autoconfirm=True)
    client = await site.client()
    before = (await client.auth.sign_up({"email": new_email(), "password": PASSWORD})).session
    assert before is not None

    after = (await client.auth.refresh_session()).session

    assert after is not None
    assert after.refresh_token != before.refresh_token
    assert (await client.auth.get_user(after.access_token)) is not None


async def test_errors_have_their_codes(serve: Any) -> None:
    site = await serve(autoconfirm=True)
    client, address = await site.client(), new_email()
    await client.auth.sign_up({"email": address, "password": PASSWORD})

    with pytest.raises(AuthApiError) as wrong:
        await client.auth.sign_in_with_password({"email": address, "password": "a wrong one"})
    with pytest.raises(AuthApiError) as taken:
        await client.auth.sign_up({"email": address, "password": PASSWORD})
    with pytest.raises(AuthWeakPasswordError) as weak:
        await client.auth.sign_up({"email": new_email(), "password": "short"})
    with pytest.raises(AuthApiError) as guest:
        await client.auth.sign_in_anonymously()

    assert (wrong.value.status, wrong.value.code) == (400, "invalid_credentials")
    assert (taken.value.status, taken.value.code) == (422, "user_already_exists")
    assert weak.value.reasons == ["length"]
    assert guest.value.code == "anonymous_provider_disabled"


async def test_changing_ones_account(serve: Any) -> None:
    site = await serve(autoconfirm=True)
    client, new = await site.client(), new_email("new")
    await client.auth.sign_up({"email": new_email(), "password": PASSWORD})

    changed = await client.auth.update_user({"data": {"name": "Countess"}, "email": new})

    assert (changed.user.email, changed.user.user_metadata["name"]) == (new, "Countess")


async def test_signing_out_elsewhere_keeps_this_session(serve: Any) -> None:
    site = await serve(autoconfirm=True)
    here, there, address = await site.client(), await site.client(), new_email()
    await here.auth.sign_up({"email": address, "password": PASSWORD})
    await there.auth.sign_in_with_password({"email": address, "password": PASSWORD})

    await here.auth.sign_out({"scope": "others"})

    assert await here.auth.get_user() is not None
    with pytest.raises(AuthApiError) as refused:
        await there.auth.get_user()
    assert refused.value.code == "session_not_found"


async def test_a_code_by_mail_signs_in(serve: Any) -> None:
    site = await serve(autoconfirm=False)
    client, address = await site.client(), new_email()
    await client.auth.sign_in_with_otp({"email": address})

    code = site.desk.emails_to(address)[0].code
    verified = await client.auth.verify_otp({"email": address, "token": code, "type": "email"})

    assert verified.session is not None
    assert verified.user is not None
    assert verified.user.email_confirmed_at is not None


async def test_a_link_by_mail_signs_in_with_the_clients_verifier(serve: Any) -> None:
    site = await serve(autoconfirm=False)
    client, address = await site.client(flow_type="pkce"), new_email()
    signed_up = await client.auth.sign_up({"email": address, "password": PASSWORD})
    assert signed_up.session is None

    async with httpx.AsyncClient() as browser:
        followed = await browser.get(site.desk.emails_to(address)[0].link)
    code = parse_qs(urlsplit(followed.headers["location"]).query)["code"][0]
    session = (await client.auth.exchange_code_for_session({"auth_code": code})).session

    assert session is not None
    assert session.user.email == address


async def test_a_forgotten_password_is_set_anew(serve: Any) -> None:
    site = await serve(autoconfirm=True)
    client, address = await site.client(), new_email()
    await client.auth.sign_up({"email": address, "password": PASSWORD})
    await client.auth.sign_out()
    await client.auth.reset_password_for_email(address)

    token = site.desk.emails_to(address)[0].token
    await client.auth.verify_otp({"token_hash": token, "type": "recovery"})
    await client.auth.update_user({"password": "remembered now"})

    signed_in = await client.auth.sign_in_with_password({"email": address, "password": "remembered now"})
    assert signed_in.session is not None


async def test_the_back_office(serve: Any) -> None:
    site = await serve(autoconfirm=False)
    admin = (await site.client(site.desk.service)).auth.admin
    address = new_email()

    made = (await admin.create_user({"email": address, "password": PASSWORD, "email_confirm": True})).user
    found = (await admin.get_user_by_id(made.id)).user
    changed = (await admin.update_user_by_id(made.id, {"app_metadata": {"role": "admin"}})).user
    listed = await admin.list_users(page=1, per_page=1000)
    link = await admin.generate_link({"type": "magiclink", "email": address})
    invited = (await admin.invite_user_by_email(new_email("guest"))).user

    assert found.email == address
    assert changed.app_metadata["role"] == "admin"
    assert made.id in [user.id for user in listed]
    assert link.properties.action_link.startswith(f"{site.url}/auth/v1/verify?")
    assert link.user.id == made.id
    assert invited.invited_at is not None
    client = await site.client()
    session = (await client.auth.verify_otp({"token_hash": link.properties.hashed_token, "type": "magiclink"})).session
    assert session is not None
    await admin.sign_out(session.access_token)
    with pytest.raises(AuthApiError):
        await client.auth.get_user(session.access_token)
    await admin.delete_user(made.id)
    with pytest.raises(AuthApiError) as gone:
        await admin.get_user_by_id(made.id)
    assert gone.value.code == "user_not_found"


async def test_the_anon_key_opens_no_back_office(serve: Any) -> None:
    site = await serve(autoconfirm=True)
    with pytest.raises(AuthApiError) as refused:
        await (await site.client()).auth.admin.list_users()

    assert refused.value.code == "not_admin"
