"""The unmodified Python client of Supabase signs in with a real provider, adds one to an account and removes it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest
from supabase_auth.errors import AuthApiError

from tests.domains.auth.conftest import PASSWORD, RunAuthApp, RunningAuthApp, new_email
from tests.domains.auth.forged_issuer import ForgedIssuer
from tests.domains.auth.provider_fixtures import (
    RealProvider,
    find_free_port,
    location_of,
    oidc_settings,
    query_of,
    run_provider,
    walk,
)


@pytest.fixture
async def running(run_auth_app: RunAuthApp) -> AsyncIterator[tuple[RunningAuthApp, RealProvider]]:
    """Return the running program with a real provider as `keycloak`."""
    port = find_free_port()
    async with run_provider(f"http://127.0.0.1:{port}/auth/v1/callback") as provider:
        settings = (oidc_settings(provider.issuer),)
        app = await run_auth_app(port=port, autoconfirm=False, oauth_providers=settings, manual_linking=True)
        yield app, provider


async def visit(running_app: RunningAuthApp, url: str, subject: str) -> str:
    """Open a URL of the client in a browser of its own; return where the browser ends."""
    async with httpx.AsyncClient() as http:
        back = await walk(http, url, subject, until=f"{running_app.url}/auth/v1/callback")
        return location_of(await http.get(back))


async def test_signing_in_with_a_provider_by_pkce(running: tuple[RunningAuthApp, RealProvider]) -> None:
    running_app, provider = running
    subject, email = uuid4().hex, new_email()
    await provider.set_account(subject, email=email, email_verified=True, name="Ada")
    client = await running_app.client(flow_type="pkce")

    begun = await client.auth.sign_in_with_oauth(
        {"provider": "keycloak", "options": {"redirect_to": f"{running_app.url}/board"}}
    )
    ended = await visit(running_app, begun.url, subject)
    session = await client.auth.exchange_code_for_session({"auth_code": query_of(ended)["code"]})

    assert ended.startswith(f"{running_app.url}/board?code=")
    assert session.session is not None
    assert session.session.provider_token
    assert session.user is not None
    assert session.user.email == email
    seen = await client.auth.get_user()
    assert seen is not None
    assert seen.user.app_metadata["providers"] == ["keycloak"]


async def test_adding_a_provider_and_removing_it(running: tuple[RunningAuthApp, RealProvider]) -> None:
    running_app, provider = running
    subject = uuid4().hex
    await provider.set_account(subject, email=new_email("other"), email_verified=True)
    user = await running_app.auth_app.create_user()
    client = await running_app.client()
    await client.auth.sign_in_with_password({"email": user["email"], "password": PASSWORD})

    begun = await client.auth.link_identity({"provider": "keycloak"})
    ended = await visit(running_app, begun.url, subject)
    await client.auth.exchange_code_for_session({"auth_code": query_of(ended)["code"]})
    linked = (await client.auth.get_user_identities()).identities
    await client.auth.unlink_identity(next(identity for identity in linked if identity.provider == "keycloak"))
    left = (await client.auth.get_user_identities()).identities
    with pytest.raises(AuthApiError) as refused:
        await client.auth.unlink_identity(left[0])

    assert [identity.provider for identity in linked] == ["email", "keycloak"]
    assert [identity.provider for identity in left] == ["email"]
    assert refused.value.code == "single_identity_not_deletable"


async def test_signing_in_with_an_id_token(run_auth_app: RunAuthApp) -> None:
    issuer, nonce = ForgedIssuer(), "a nonce of the app"
    issuer.claims = {"sub": uuid4().hex, "email": new_email(), "email_verified": True}
    issuer.nonce = hashlib.sha256(nonce.encode()).hexdigest()
    running_app = await run_auth_app(oauth_providers=(oidc_settings(issuer.issuer),), outgoing_http=issuer.http)
    client = await running_app.client()

    signed_in = await client.auth.sign_in_with_id_token(
        {"provider": "keycloak", "token": issuer.id_token(), "nonce": nonce}  # type: ignore[typeddict-item]  # it is text
    )
    with pytest.raises(AuthApiError) as refused:
        await client.auth.sign_in_with_id_token({"provider": "google", "token": issuer.id_token(), "nonce": nonce})

    assert signed_in.user is not None
    assert signed_in.user.email == issuer.claims["email"]
    assert "not enabled" in refused.value.message
