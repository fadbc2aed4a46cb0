"""A password alone, where a second factor is verified, is refused by every protocol that reaches data."""

from __future__ import annotations

import asyncio
import json

import pytest
from websockets.asyncio.client import connect

from monynha.app.commands.keys import make_key
from monynha.core.settings.settings import Settings
from tests.conditions import TIMEOUT_S
from tests.live_server import OwnerSql
from tests.phoenix_client import phoenix_client, tasks_binding
from tests.protocols.graphql.requests import error_codes
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


@pytest.fixture
async def thief(users: UserFactory, owner_sql: OwnerSql) -> ApiUser:
    """Return a user with a project, whose session has shown the password and not the factor."""
    user = await users.create("Thief")
    await user.create_project()
    await owner_sql("insert into auth.factors (user_id, factor_type, status) values ($1, 'totp', 'verified')", user.id)
    return user


async def test_requests_are_refused(thief: ApiUser) -> None:
    responses = [
        await thief.get("/projects"),
        await thief.get("/users/me"),
        await thief.post("/projects", {"name": "New"}),
        await thief.request("PATCH", "/users/me", json={"name": "Other"}),
        await thief.post("/tokens", {"name": "Script", "scopes": ["read"]}),
    ]
    storage = await thief.client.post(
        "/storage/v1/object/list/project-files",
        json={"prefix": ""},
        headers={"authorization": f"Bearer {thief.token}"},
    )

    assert [(response.status_code, response.json()["error"]["code"]) for response in responses] == [
        (403, "INSUFFICIENT_AAL")
    ] * len(responses)
    assert storage.status_code == 403


async def test_graphql_is_refused(thief: ApiUser) -> None:
    assert await error_codes(thief, "{ projects { id } }") == ["INSUFFICIENT_AAL"]
    assert await error_codes(thief, 'mutation { createProject(input: {name: "New"}) { id } }') == ["INSUFFICIENT_AAL"]


async def test_sockets_are_refused(thief: ApiUser, address: str, settings: Settings) -> None:
    async with connect(f"ws://{address}/ws") as socket, asyncio.timeout(TIMEOUT_S):
        await socket.send(json.dumps({"type": "auth", "token": thief.token}))
        received = json.loads(await socket.recv())
        await socket.wait_closed()
    async with phoenix_client(address, make_key("anon", settings.jwt_secret)) as channel:
        joined = await channel.join("board", thief.token, tasks_binding())

    assert (received["type"], received["code"]) == ("error", "INSUFFICIENT_AAL")
    assert socket.close_code == 4401
    assert joined["status"] == "error"


async def test_auth_itself_is_open_so_that_the_factor_can_be_shown(thief: ApiUser) -> None:
    response = await thief.client.get("/auth/v1/user", headers={"authorization": f"Bearer {thief.token}"})

    assert response.status_code == 200
    assert [factor["status"] for factor in response.json()["factors"]] == ["verified"]


async def test_what_is_open_ends_when_the_first_factor_is_verified(
    users: UserFactory, owner_sql: OwnerSql, address: str
) -> None:
    user = await users.create()
    async with connect(f"ws://{address}/ws") as socket, asyncio.timeout(TIMEOUT_S):
        await socket.send(json.dumps({"type": "auth", "token": user.token}))
        assert json.loads(await socket.recv())["type"] == "ready"

        await owner_sql(
            "insert into auth.factors (user_id, factor_type, status) values ($1, 'totp', 'verified')", user.id
        )
        # Ends when the server closes the socket; the timeout fails the test otherwise.
        await socket.wait_closed()

    assert socket.close_code == 4401
