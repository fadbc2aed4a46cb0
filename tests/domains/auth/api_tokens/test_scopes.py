"""Scopes: `read` changes nothing, `write` manages nothing, `admin` is all that the owner may do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from tests.domains.auth.api_tokens.token_users import create_token, with_api_token, with_limited_token
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio
OwnerSql = Callable[..., Awaitable[list[Any]]]


async def limited(users: UserFactory, user: ApiUser, kind: str, *scopes: str, project: Any = None) -> ApiUser:
    if kind == "API token":
        return await with_api_token(user, *scopes, project=project)
    return await with_limited_token(users.database, users.tokens, user, scopes, project)


KINDS = ("API token", "access token")


@pytest.mark.parametrize("kind", KINDS)
async def test_read_scope_reads_and_changes_nothing(users: UserFactory, kind: str) -> None:
    owner = await users.create()
    project = await owner.create_project()
    task = await owner.create_task(project)
    post = await owner.create("/posts", {"title": "A post", "content": ""})
    other = await users.create("Other")
    reader = await limited(users, owner, kind, "read")

    for path in (f"/projects/{project['id']}", f"/tasks/{task['id']}", f"/posts/{post['id']}", "/users/me"):
        assert (await reader.get(path)).status_code == 200, path
    writes = [
        ("POST", "/projects", {"name": "New"}),
        ("PUT", f"/projects/{project['id']}", {"name": "Changed"}),
        ("DELETE", f"/projects/{project['id']}", None),
        ("POST", f"/projects/{project['id']}/members", {"userId": str(other.id)}),
        ("POST", f"/projects/{project['id']}/tasks", {"title": "New"}),
        ("PATCH", f"/tasks/{task['id']}", {"title": "Changed"}),
        ("DELETE", f"/tasks/{task['id']}", None),
        ("POST", "/posts", {"title": "New", "content": ""}),
        ("PUT", f"/posts/{post['id']}", {"title": "Changed"}),
        ("DELETE", f"/posts/{post['id']}", None),
        ("PATCH", "/users/me", {"name": "Changed"}),
        ("PATCH", "/users/me", {"email": f"{uuid4().hex}@example.com"}),
        ("DELETE", "/users/me", None),
        ("POST", "/notifications/read-all", None),
    ]
    for method, path, body in writes:
        response = await reader.request(method, path, json=body)
        assert (response.status_code, response.json()["error"]["code"]) == (403, "FORBIDDEN"), (method, path)
        keyed = await reader.request(method, path, json=body, headers={"idempotency-key": uuid4().hex})
        assert keyed.status_code == 403, (method, path)
    assert (await owner.get(f"/tasks/{task['id']}")).json()["data"] == task
    assert [row["id"] for row in (await owner.get("/projects")).json()["data"]] == [project["id"]]


@pytest.mark.parametrize("kind", KINDS)
async def test_write_scope_changes_content_and_manages_nothing(users: UserFactory, kind: str) -> None:
    owner = await users.create()
    project = await owner.create_project()
    member = await users.create_member(project, owner, "member")
    writer = await limited(users, owner, kind, "write")

    task = await writer.create_task(project)
    assert (await writer.request("PATCH", f"/tasks/{task['id']}", json={"title": "Changed"})).status_code == 200
    assert (await writer.request("PATCH", f"/projects/{project['id']}", json={"name": "New"})).status_code == 200
    await writer.create("/posts", {"title": "New", "content": ""})
    created = await writer.create("/projects", {"name": "Mine"})
    for method, path, body in [
        ("DELETE", f"/projects/{created['id']}", None),
        ("POST", f"/projects/{project['id']}/members", {"userId": str((await users.create()).id)}),
        ("PUT", f"/projects/{project['id']}/members/{member.id}", {"role": "viewer"}),
        ("PUT", f"/projects/{project['id']}/members/{member.id}", {"role": "owner"}),
        ("DELETE", f"/projects/{project['id']}/members/{member.id}", None),
        ("PATCH", "/users/me", {"name": "Changed"}),
        ("DELETE", "/users/me", None),
    ]:
        response = await writer.request(method, path, json=body)
        assert response.status_code == 403, (method, path, response.text)


@pytest.mark.parametrize("kind", KINDS)
async def test_admin_scope_is_all_that_the_owner_may_do(users: UserFactory, kind: str) -> None:
    owner = await users.create()
    project = await owner.create_project()
    member = await users.create_member(project, owner, "member")
    administrator = await limited(users, owner, kind, "admin")

    assert (await administrator.put(f"/projects/{project['id']}/members/{member.id}", {"role": "viewer"})).is_success
    assert (await administrator.delete(f"/projects/{project['id']}")).status_code == 204
    assert (await administrator.get("/admin/jobs")).status_code == 403
    assert (await administrator.delete("/users/me")).status_code == 204


@pytest.mark.parametrize("kind", KINDS)
async def test_system_routes_want_an_admin_owner_and_the_admin_scope(users: UserFactory, kind: str) -> None:
    admin = await users.create(is_admin=True)
    foreign_project = await (await users.create()).create_project()

    for scopes, status in ((("admin",), 200), (("write",), 403), (("read",), 403)):
        token_user = await limited(users, admin, kind, *scopes)
        assert (await token_user.get("/admin/jobs")).status_code == status, scopes
        seen = await token_user.get(f"/projects/{foreign_project['id']}")
        assert seen.status_code == (200 if status == 200 else 404), scopes


async def test_a_token_without_scopes_may_do_nothing(users: UserFactory) -> None:
    user = await users.create()
    for scopes in ([], ["openid", "email"]):
        token_user = await with_limited_token(users.database, users.tokens, user, scopes)
        assert (await token_user.get("/users/me")).status_code == 403
        assert (await token_user.post("/projects", {"name": "New"})).status_code == 403


async def test_the_claims_may_stand_in_metadata_without_a_meaning(
    users: UserFactory, user: ApiUser, owner_sql: OwnerSql
) -> None:
    await owner_sql(
        """update auth.users set user_metadata = '{"scopes": ["read"], "project_ids": []}' where id = $1""", user.id
    )
    same = await with_limited_token(users.database, users.tokens, user, None)
    assert '"scopes"' in same.actor.claims
    assert same.actor.limits is None
    await same.create_project()


async def test_a_demoted_admin_loses_the_rights_of_their_token(users: UserFactory, owner_sql: OwnerSql) -> None:
    admin = await users.create(is_admin=True)
    token_user = await with_api_token(admin, "admin")
    assert (await token_user.get("/admin/jobs")).status_code == 200
    await owner_sql("update auth.users set app_metadata = '{}' where id = $1", admin.id)
    assert (await token_user.get("/admin/jobs")).status_code == 403


async def test_the_row_of_an_api_token_decides_not_its_text(user: ApiUser, owner_sql: OwnerSql) -> None:
    project = await user.create_project()
    token = await create_token(user, "admin")
    token_user = replace(user, token=token["secret"])
    assert (await token_user.get(f"/projects/{project['id']}")).status_code == 200
    await owner_sql("update public.api_tokens set project_ids = '{}' where id = $1", token["id"])

    assert (await token_user.get(f"/projects/{project['id']}")).status_code == 404
    assert (await token_user.post("/projects", {"name": "New"})).status_code == 403
