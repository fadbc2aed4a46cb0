"""`/api/v1/tokens`: who creates, sees and revokes API tokens, and where they are accepted."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from websockets.asyncio.client import connect

from monynha.app.composition.application import Application
from tests.conditions import SOON_S, TIMEOUT_S
from tests.domains.auth.api_tokens.token_users import create_token, with_api_token, with_limited_token
from tests.protocols.graphql.clients import TASK_CHANGED, ws_client
from tests.protocols.graphql.requests import error_codes, fetch_data
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio
OwnerSql = Callable[..., Awaitable[list[Any]]]
FIELDS = {"id", "userId", "name", "prefix", "scopes", "projectIds", "aal", "lastUsedAt", "expiresAt", "createdAt"}


async def test_a_token_is_shown_once_and_stored_as_its_hash(user: ApiUser, owner_sql: OwnerSql) -> None:
    token = await create_token(user, "write", "read", name="  Deploy  ")
    secret = token.pop("secret")

    assert token.keys() == FIELDS
    assert (token["name"], token["scopes"], token["projectIds"]) == ("Deploy", ["read", "write"], None)
    assert re.fullmatch(r"mnt_[0-9A-Za-z]{8}_[0-9A-Za-z]{72}", secret)
    assert secret.startswith(token["prefix"])
    assert (await user.get(f"/tokens/{token['id']}")).json()["data"] == token
    assert (await user.get("/tokens")).json()["data"] == [token]
    [row] = await owner_sql("select t::text from public.api_tokens t where id = $1", token["id"])
    assert secret[12:40] not in row[0]
    digest = hashlib.sha256(secret.encode()).digest()
    assert UUID(token["id"]).bytes[:6] == digest[:6]


async def test_the_response_is_not_stored_by_caches(user: ApiUser) -> None:
    response = await user.post("/tokens", {"name": "A script", "scopes": ["read"]}, headers={"accept-encoding": "gzip"})
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["location"] == f"/api/v1/tokens/{response.json()['data']['id']}"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": " ", "scopes": ["read"]}, "name"),
        ({"name": "x" * 101, "scopes": ["read"]}, "name"),
        ({"name": 1, "scopes": ["read"]}, "name"),
        ({"scopes": ["read"]}, "name"),
        ({"name": "x"}, "scopes"),
        ({"name": "x", "scopes": []}, "scopes"),
        ({"name": "x", "scopes": "read"}, "scopes"),
        ({"name": "x", "scopes": ["everything"]}, "scopes"),
        ({"name": "x", "scopes": [["read"]]}, "scopes"),
        ({"name": "x", "scopes": [None]}, "scopes"),
        ({"name": "x", "scopes": ["read"], "projectIds": []}, "projectIds"),
        ({"name": "x", "scopes": ["read"], "projectIds": ["x"]}, "projectIds"),
        ({"name": "x", "scopes": ["read"], "projectIds": [f"{UUID(int=1)}"]}, "projectIds"),
        ({"name": "x", "scopes": ["read"], "projectIds": [f"{UUID(int=i)}" for i in range(101)]}, "projectIds"),
        ({"name": "x", "scopes": ["read"], "expiresAt": "2020-01-01T00:00:00Z"}, "expiresAt"),
        ({"name": "x", "scopes": ["read"], "expiresAt": "2999-01-01T00:00:00Z"}, "expiresAt"),
        ({"name": "x", "scopes": ["read"], "expiresAt": "tomorrow"}, "expiresAt"),
        ({"name": "x", "scopes": ["read"], "expiresAt": 1}, "expiresAt"),
        ({"name": "x", "scopes": ["read"], "prefix": "mnt_"}, "prefix"),
        ({"name": "x", "scopes": ["read"], "userId": f"{UUID(int=1)}"}, "userId"),
        ({"name": "x", "scopes": ["read"], "unknown": 1}, "unknown"),
    ],
)
async def test_an_invalid_field_is_named(user: ApiUser, body: Any, field: str) -> None:
    response = await user.post("/tokens", body)
    assert response.status_code == 422
    assert list(response.json()["error"]["details"]) == [field]


async def test_only_projects_that_the_user_sees_can_be_named(user: ApiUser, users: UserFactory) -> None:
    project = await (await users.create("Other")).create_project()
    response = await user.post("/tokens", {"name": "x", "scopes": ["read"], "projectIds": [project["id"]]})
    assert response.status_code == 422
    assert "projectIds" in response.json()["error"]["details"]


async def test_a_token_expires(user: ApiUser, owner_sql: OwnerSql, program: Application) -> None:
    expires_at = (datetime.now(UTC) + timedelta(seconds=3)).replace(microsecond=500_000)
    token = await create_token(user, "read", expiresAt=expires_at.isoformat())
    token_user = replace(user, token=token["secret"])
    assert token["expiresAt"] == expires_at.replace(microsecond=0).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    assert (await token_user.get("/users/me")).status_code == 200
    async with asyncio.timeout(TIMEOUT_S):
        while (await token_user.get("/users/me")).status_code == 200:
            await asyncio.sleep(0.1)
    assert datetime.now(UTC) >= expires_at.replace(microsecond=0)
    # The row has the same end, whatever the program says.
    other = await create_token(user, "read")
    await owner_sql("update public.api_tokens set expires_at = now() where id = $1", other["id"])
    assert (await replace(user, token=other["secret"]).get("/users/me")).status_code == 401


async def test_others_neither_see_nor_revoke_a_token(user: ApiUser, users: UserFactory) -> None:
    token, other = await create_token(user, "read"), await users.create("Other")
    assert (await other.get(f"/tokens/{token['id']}")).status_code == 404
    assert (await other.delete(f"/tokens/{token['id']}")).status_code == 404
    assert (await other.get("/tokens")).json()["data"] == []
    assert (await other.get(f"/tokens?userId={user.id}")).json()["data"] == []
    assert (await users.anonymous().get("/tokens")).status_code == 401


async def test_a_system_admin_sees_and_revokes_the_tokens_of_a_person(user: ApiUser, users: UserFactory) -> None:
    token, admin = await create_token(user, "read"), await users.create(is_admin=True)
    listed = (await admin.get(f"/tokens?userId={user.id}")).json()["data"]
    assert [row["id"] for row in listed] == [token["id"]]
    assert (await admin.delete(f"/tokens/{token['id']}")).status_code == 204
    assert (await replace(user, token=token["secret"]).get("/users/me")).status_code == 401


async def test_a_token_manages_no_tokens(users: UserFactory) -> None:
    for is_admin in (False, True):
        user = await users.create(is_admin=is_admin)
        token = await create_token(user, "read")
        limited = [
            await with_api_token(user, "admin"),
            await with_limited_token(users.database, users.tokens, user, ["admin"]),
        ]
        for token_user in limited:
            assert (await token_user.get("/tokens")).status_code == 403
            assert (await token_user.get(f"/tokens/{token['id']}")).status_code == 403
            assert (await token_user.post("/tokens", {"name": "x", "scopes": ["admin"]})).status_code == 403
            assert (await token_user.delete(f"/tokens/{token['id']}")).status_code == 403
            assert await fetch_data(token_user, "{ tokens { id } }") == {"tokens": []}
            assert await error_codes(token_user, f'mutation {{ deleteToken(id: "{token["id"]}") }}') == ["NOT_FOUND"]
        assert (await user.get(f"/tokens/{token['id']}")).status_code == 200


async def test_graphql_lists_and_revokes_tokens(user: ApiUser) -> None:
    token = await create_token(user, "read")
    assert await fetch_data(user, "{ tokens { id scopes prefix } }") == {
        "tokens": [{"id": token["id"], "scopes": ["read"], "prefix": token["prefix"]}]
    }
    assert await fetch_data(user, f'mutation {{ deleteToken(id: "{token["id"]}") }}') == {"deleteToken": True}
    assert (await replace(user, token=token["secret"]).get("/users/me")).status_code == 401


async def test_auth_accepts_a_token_for_nothing_but_reading_the_user(
    user: ApiUser, client: httpx.AsyncClient, users: UserFactory
) -> None:
    for token_user in (
        await with_api_token(user, "admin"),
        await with_limited_token(users.database, users.tokens, user, ["admin"]),
    ):
        headers = {"authorization": f"Bearer {token_user.token}"}
        response = await client.get("/auth/v1/user", headers=headers)
        assert (response.status_code, response.json()["id"]) == (200, str(user.id))
        for method, path, body in [
            ("PUT", "/user", {"password": "another password"}),
            ("PUT", "/user", {"data": {"name": "x"}}),
            ("POST", "/logout", None),
            ("POST", "/logout?scope=global", None),
            ("GET", "/reauthenticate", None),
            ("POST", "/factors", {"factor_type": "totp"}),
            ("GET", "/admin/users", None),
            ("POST", "/admin/users", {"email": "x@example.com"}),
        ]:
            response = await client.request(method, f"/auth/v1{path}", json=body, headers=headers)
            assert response.status_code == 403, (method, path, response.text)


async def test_a_token_is_refused_on_auth_once_it_is_revoked(user: ApiUser, client: httpx.AsyncClient) -> None:
    token = await create_token(user, "read")
    headers = {"authorization": f"Bearer {token['secret']}"}
    assert (await client.get("/auth/v1/user", headers=headers)).status_code == 200
    await user.delete(f"/tokens/{token['id']}")
    assert (await client.get("/auth/v1/user", headers=headers)).status_code == 403


async def test_a_revoked_token_ends_what_is_open(user: ApiUser, address: str) -> None:
    project = await user.create_project()
    token, kept = await create_token(user, "read"), await create_token(user, "read")
    token_user, kept_user = replace(user, token=token["secret"]), replace(user, token=kept["secret"])
    async with (
        connect(f"ws://{address}/ws?token={token['secret']}") as socket,
        connect(f"ws://{address}/ws?token={kept['secret']}") as kept_socket,
        ws_client(address, token_user) as graphql_socket,
        ws_client(address, kept_user) as kept_graphql_socket,
        httpx.AsyncClient(timeout=TIMEOUT_S) as http,
        http.stream(
            "GET",
            f"http://{address}/api/v1/projects/{project['id']}/events",
            headers={"authorization": f"Bearer {token['secret']}"},
        ) as stream,
    ):
        for opened_socket in (socket, kept_socket):
            assert json.loads(await opened_socket.recv())["type"] == "ready"
        await graphql_socket.start_subscription(TASK_CHANGED, {"id": project["id"]})
        await kept_graphql_socket.start_subscription(TASK_CHANGED, {"id": project["id"]})
        assert stream.status_code == 200

        assert (await user.delete(f"/tokens/{token['id']}")).status_code == 204
        async with asyncio.timeout(SOON_S):
            await socket.wait_closed()
            await graphql_socket.connection.wait_closed()
            async for _ in stream.aiter_lines():
                pass
        assert socket.close_code == 4401
        # Nothing else of the same person ends.
        task = await user.create_task(project)
        assert (await kept_graphql_socket.next_result())["id"] == task["id"]
        await kept_socket.send(json.dumps({"type": "join", "projectId": project["id"]}))
        assert json.loads(await kept_socket.recv())["type"] == "joined"
    assert (await token_user.get("/users/me")).status_code == 401
    assert (await kept_user.get("/users/me")).status_code == 200


async def test_a_banned_or_deleted_owner_ends_their_tokens(users: UserFactory) -> None:
    banned, deleted = await users.create(), await users.create()
    banned_token, deleted_token = await with_api_token(banned, "read"), await with_api_token(deleted, "read")
    await users.ban(banned)
    await deleted.delete("/users/me")
    assert (await banned_token.get("/users/me")).status_code == 401
    assert (await deleted_token.get("/users/me")).status_code == 401


async def test_signing_out_keeps_tokens(user: ApiUser, users: UserFactory) -> None:
    token_user = await with_api_token(user, "read")
    await users.end_session(user)
    assert (await token_user.get("/users/me")).status_code == 200


async def test_a_user_has_at_most_100_tokens(user: ApiUser, owner_sql: OwnerSql) -> None:
    await owner_sql(
        """insert into public.api_tokens (id, user_id, name, prefix, scopes)
          select gen_random_uuid(), $1, 'x', 'mnt_x', '{read}' from generate_series(1, 99)""",
        user.id,
    )
    responses = await asyncio.gather(*(user.post("/tokens", {"name": "x", "scopes": ["read"]}) for _ in range(3)))
    assert sorted(response.status_code for response in responses) == [201, 409, 409]


async def test_creating_and_revoking_is_audited_and_told(user: ApiUser, owner_sql: OwnerSql) -> None:
    token = await create_token(user, "read", name="Deploy")
    await user.delete(f"/tokens/{token['id']}")
    rows = await owner_sql(
        """select action, actor_id, details ->> 'prefix', ip from monynha.audit_events
          where target_id = $1 order by number""",
        token["id"],
    )
    assert [tuple(row)[:3] for row in rows] == [
        ("token.created", user.id, token["prefix"]),
        ("token.revoked", user.id, token["prefix"]),
    ]
    assert all(row[3] for row in rows)
    [mail] = await owner_sql(
        "select payload from monynha.jobs where queue = 'email' and payload ->> 'to' = $1 and state <> 'dead'",
        user.email,
    )
    assert "security_notice" in mail[0]
    assert token["secret"] not in json.dumps([tuple(map(str, row)) for row in rows])


async def test_forged_tokens_are_refused(user: ApiUser) -> None:
    secret = (await create_token(user, "read"))["secret"]
    for text in (secret[:-1], secret + "0", secret.swapcase(), f"{secret[:20]}{'0' * 65}", "mnt_", "mnt_" + "é" * 81):
        response = await replace(user, token="").get("/users/me", headers={b"authorization": f"Bearer {text}".encode()})
        assert response.status_code == 401, text
