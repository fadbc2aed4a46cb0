"""Sign-up by invitation in the whole program: by REST, GraphQL and /auth/v1."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator

import httpx
import pytest

from monynha.app.composition.application import build
from monynha.core.errors import SettingsError
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls
from tests.domains.invitations.invited_people import invite, new_address
from tests.live_server import OwnerSql
from tests.project_team import ProjectTeam

pytestmark = pytest.mark.anyio
PASSWORD = "correct horse battery"
SIGN_UP = "mutation ($input: CreateUserInput!) { createUser(input: $input) { email } }"


@pytest.fixture
async def closed(settings: Settings, running_servers: ServerUrls) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of a program where sign-up is by invitation."""
    by_invitation = dataclasses.replace(settings, signup="invited", services=frozenset({"api", "auth"}))
    application = await build(by_invitation, running_servers)
    transport = httpx.ASGITransport(app=application.http)
    async with httpx.AsyncClient(transport=transport, base_url="http://monynha.test") as client:
        yield client
    await application.close()


async def sign_up(client: httpx.AsyncClient, protocol: str, email: str) -> bool:
    """Sign up; return whether that was allowed."""
    body = {"name": "Grace", "email": email, "password": PASSWORD}
    if protocol == "rest":
        response = await client.post("/api/v1/users", json=body)
        assert response.status_code in (201, 403), response.text
        return response.status_code == 201
    if protocol == "graphql":
        response = await client.post("/graphql", json={"query": SIGN_UP, "variables": {"input": body}})
        errors = response.json().get("errors", [])
        assert [error["extensions"]["code"] for error in errors] in ([], ["FORBIDDEN"])
        return not errors
    response = await client.post("/auth/v1/signup", json={"email": email, "password": PASSWORD})
    assert response.status_code in (200, 422), response.text
    return response.status_code == 200


@pytest.mark.parametrize("protocol", ["rest", "graphql", "auth"])
async def test_only_an_invited_address_may_sign_up(closed: httpx.AsyncClient, team: ProjectTeam, protocol: str) -> None:
    email = new_address()

    before = await sign_up(closed, protocol, email)
    await invite(team.owner, team, email)
    after = await sign_up(closed, protocol, email)
    stranger = await sign_up(closed, protocol, new_address())

    assert (before, after, stranger) == (False, True, False)


@pytest.mark.parametrize("end", ["revoked", "expired", "archived", "inviter removed"])
async def test_an_invitation_that_gives_nothing_any_more_opens_nothing(
    closed: httpx.AsyncClient, team: ProjectTeam, owner_sql: OwnerSql, end: str
) -> None:
    email, admin = new_address(), await team.actor("admin")
    invitation = await invite(admin, team, email)
    if end == "revoked":
        await team.owner.delete(f"/invitations/{invitation['id']}")
    elif end == "expired":
        await owner_sql("update public.invitations set expires_at = now() where id = $1::uuid", invitation["id"])
    elif end == "archived":
        await team.archive()
    else:
        await team.owner.delete(f"{team.path}/members/{admin.id}")

    assert not await sign_up(closed, "rest", email)


async def test_who_signed_up_by_invitation_accepts_it(closed: httpx.AsyncClient, team: ProjectTeam) -> None:
    email = new_address()
    invitation = await invite(team.owner, team, email, "viewer")

    session = (await closed.post("/auth/v1/signup", json={"email": email, "password": PASSWORD})).json()
    headers = {"authorization": f"Bearer {session['access_token']}"}
    accepted = await closed.post(f"/api/v1/invitations/{invitation['id']}/accept", headers=headers)

    assert (accepted.status_code, accepted.json()["data"]["status"]) == (200, "accepted")


def test_in_production_sign_up_by_invitation_needs_confirmed_addresses() -> None:
    environ = {
        "APP_ENV": "production",
        "MONYNHA_SIGNUP": "invited",
        "MONYNHA_AUTOCONFIRM": "on",
        "JWT_SECRET": "9f2c8d7e6b5a4938271605f4e3d2c1b0a9f8e7d6c5b4a39281706f5e4d3c2b1a",
    }

    with pytest.raises(SettingsError, match=r"^MONYNHA_SIGNUP: "):
        Settings.read(environ)
