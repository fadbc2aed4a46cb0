"""What belongs to a person and not to a project: out of reach of a token that is limited to less than all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.domains.auth.api_tokens.token_users import with_api_token
from tests.protocols.graphql.requests import error_codes, fetch_data
from tests.users import UserFactory

pytestmark = pytest.mark.anyio
OwnerSql = Callable[..., Awaitable[list[Any]]]


async def test_inviting_needs_the_scope_admin_and_the_project(users: UserFactory) -> None:
    owner = await users.create()
    inside, outside = await owner.create_project(), await owner.create_project()
    paths = [f"/projects/{project['id']}/invitations" for project in (inside, outside)]
    body = {"email": f"{uuid4().hex}@example.com", "role": "member"}
    invitation = (await owner.post(paths[0], {**body, "email": f"{uuid4().hex}@example.com"})).json()["data"]

    for scopes in (("read",), ("write",)):
        token_user = await with_api_token(owner, *scopes)
        assert (await token_user.post(paths[0], body)).status_code == 403
        assert (await token_user.post(f"/projects/{inside['id']}/members", body)).status_code == 403
        assert (await token_user.post(f"/invitations/{invitation['id']}/resend", None)).status_code == 403
        assert (await token_user.delete(f"/invitations/{invitation['id']}")).status_code == 403
    limited = await with_api_token(owner, "admin", project=inside)
    assert (await limited.post(paths[1], body)).status_code in (403, 404)
    assert (await limited.post(f"/projects/{outside['id']}/members", body)).status_code in (403, 404)
    assert (await limited.get(paths[1])).status_code == 404
    assert (await limited.post(paths[0], body)).status_code == 201


async def test_a_system_admin_invites_by_a_limited_token_to_its_project_alone(users: UserFactory) -> None:
    admin = await users.create(is_admin=True)
    inside, outside = await admin.create_project(), await (await users.create()).create_project()
    limited = await with_api_token(admin, "admin", project=inside)
    body = {"email": f"{uuid4().hex}@example.com", "role": "member"}
    assert (await limited.post(f"/projects/{outside['id']}/invitations", body)).status_code in (403, 404)
    for path in ("/admin/people", "/admin/audit", "/admin/jobs"):
        assert (await limited.get(path)).status_code == 403, path
        assert (await (await with_api_token(admin, "write")).get(path)).status_code == 403, path
        assert (await (await with_api_token(admin, "admin")).get(path)).status_code == 200, path


async def test_joining_needs_a_token_of_the_whole_account(users: UserFactory, owner_sql: OwnerSql) -> None:
    owner, invited = await users.create(), await users.create()
    project, own_project = await owner.create_project(), await invited.create_project()
    invitation_id = str(uuid4())
    await owner_sql(
        """insert into public.invitations (id, project_id, email, role, invited_by_id, expires_at)
          values ($1, $2, $3, 'member', $4, now() + interval '1 day')""",
        invitation_id,
        project["id"],
        invited.email,
        owner.id,
    )
    for token_user in (
        await with_api_token(invited, "read"),
        await with_api_token(invited, "write"),
        await with_api_token(invited, "admin", project=own_project),
    ):
        response = await token_user.post(f"/invitations/{invitation_id}/accept", None)
        assert response.status_code in (403, 404), response.text
        response = await token_user.post(f"/invitations/{invitation_id}/decline", None)
        assert response.status_code in (403, 404), response.text
    assert (
        await (await with_api_token(invited, "admin")).post(f"/invitations/{invitation_id}/accept", None)
    ).is_success


async def test_the_address_that_resets_the_password_is_changed_by_whoever_has_signed_in(users: UserFactory) -> None:
    user = await users.create()
    body = {"email": f"{uuid4().hex}@example.com"}
    token_user = await with_api_token(user, "admin")
    mutation = """mutation ($id: ID!, $input: UpdateUserInput!) { updateUser(id: $id, input: $input) { id } }"""

    for method in ("PUT", "PATCH"):
        response = await token_user.request(method, "/users/me", json={"name": "Ada", **body})
        assert (response.status_code, response.json()["error"]["code"]) == (403, "FORBIDDEN")
    assert await error_codes(token_user, mutation, id=str(user.id), input=body) == ["FORBIDDEN"]
    assert (await token_user.request("PATCH", "/users/me", json={"name": "Countess"})).status_code == 200
    assert (await user.get("/users/me")).json()["data"]["email"] == user.email
    assert (await user.request("PATCH", "/users/me", json=body)).status_code == 200


async def test_sessions_and_exports_are_for_whoever_has_signed_in(users: UserFactory) -> None:
    user = await users.create()
    project = await user.create_project()
    for token_user in (
        await with_api_token(user, "admin"),
        await with_api_token(user, "write"),
        await with_api_token(user, "admin", project=project),
    ):
        sessions = await token_user.get("/sessions")
        assert sessions.status_code == 403 or sessions.json()["data"] == []
        assert (await token_user.delete(f"/sessions/{user.session_id}")).status_code in (403, 404)
        assert await fetch_data(token_user, "{ sessions { id } }") == {"sessions": []}
        assert (await token_user.post("/users/me/export", None)).status_code == 403
        assert (await token_user.get("/users/me/export")).status_code in (403, 404)
    assert (await user.post("/users/me/export", None)).status_code == 202
    assert (await (await with_api_token(user, "admin")).get("/users/me/export")).status_code in (403, 404)
    assert [row["id"] for row in (await user.get("/sessions")).json()["data"]] == [str(user.session_id)]
